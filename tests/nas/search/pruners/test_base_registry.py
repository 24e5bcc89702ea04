"""The valid values of --scheduler and --bound, and the pruners that they give."""

from __future__ import annotations

import pytest

from nas.errors import UserError
from nas.search.pruners.base import Rungs, check_pruners, make_pruners, parse_rungs
from reward.objective import Objective


@pytest.mark.parametrize(
    ("scheduler", "epochs", "rungs"),
    [
        ("none", 1, None),
        ("asha", 10, Rungs(4, 4)),
        ("asha", 2, Rungs(1, 4)),
        ("asha:grace=3", 10, Rungs(3, 4)),
        ("asha:reduction=4,grace=1", 10, Rungs(1, 4)),
    ],
)
def test_rungs_by_name(scheduler: str, epochs: int, rungs: Rungs | None) -> None:
    assert parse_rungs(scheduler, epochs) == rungs


@pytest.mark.parametrize(
    ("scheduler", "epochs", "message"),
    [
        ("hyperband", 10, "got 'hyperband', must be none or asha"),
        ("asha:", 10, "must be none or asha"),
        ("asha:grace", 10, "must be none or asha"),
        ("asha:grace=-1", 10, "must be none or asha"),
        ("asha:pace=3", 10, "must be none or asha"),
        ("none:grace=3", 10, "must be none or asha"),
        ("asha:grace=10", 10, "got grace 10, must be from 1 to 9 for 10 epochs"),
        ("asha:reduction=1", 10, "got reduction 1, must be from 2 to 100"),
        ("asha", 1, "--scheduler asha: needs --epochs 2 or more, got 1"),
    ],
)
def test_an_invalid_scheduler_is_one_line(scheduler: str, epochs: int, message: str) -> None:
    with pytest.raises(UserError, match="--scheduler") as caught:
        check_pruners(scheduler, "none", epochs)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_bound_is_refused() -> None:
    with pytest.raises(UserError, match="--bound: got 'tight', must be one of none, certain"):
        check_pruners("none", "tight", 10)


def test_the_pruners_of_both_options() -> None:
    def causes(scheduler: str, bound: str) -> list[str]:
        return [pruner.cause for pruner in make_pruners(scheduler, bound, Objective(), 10)]

    assert causes("none", "none") == []
    assert causes("asha", "certain") == ["bound", "asha"]
    assert causes("none", "credible") == ["bound"]
