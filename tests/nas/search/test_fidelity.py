"""Fidelities: what ``--try`` may say."""

from __future__ import annotations

import pytest

from nas.errors import UserError
from nas.search.fidelity import parse_try
from results.comparison import Fidelity

PROXY = Fidelity(10, 32)


@pytest.mark.parametrize(
    ("text", "fidelity"),
    [
        ("size=24", Fidelity(10, 24)),
        ("data=0.5", Fidelity(10, 32, 0.5)),
        ("epochs=3, size=24,data=.25", Fidelity(3, 24, 0.25)),
    ],
)
def test_a_try_changes_what_it_names(text: str, fidelity: Fidelity) -> None:
    assert parse_try(text, PROXY) == fidelity


@pytest.mark.parametrize(
    "text",
    ["", "size", "size=", "size=2.5", "size=0", "data=0", "data=1.5", "data=nan", "epochs=-1",
     "epochs=x", "pixels=3", "size=24,,data=0.5", "size=99999999"],
)  # fmt: skip
def test_another_try_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(
        UserError, match=r"^--try: got .*, must be one or more of epochs=N"
    ) as error:
        parse_try(text, PROXY)
    assert "\n" not in str(error.value)


def test_the_proxy_itself_is_no_try() -> None:
    with pytest.raises(UserError, match="which is the proxy itself"):
        parse_try("size=32,epochs=10", PROXY)
