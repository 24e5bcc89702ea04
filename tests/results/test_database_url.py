"""A database's URL is shown without its password."""

from __future__ import annotations

import pytest

from results.database_url import has_password, masked


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:secret@h/d", "postgresql://u:***@h/d"),
        ("postgresql+psycopg://u:s%2Fe@h:5/d", "postgresql+psycopg://u:***@h:5/d"),
        ("postgresql://u:se/c@r:et#@h:5/d?a=b", "postgresql://u:***@h:5/d?a=b"),
        ("postgresql://h/d?user=u&password=secret", "postgresql://h/d?user=u&password=***"),
        ("postgresql://h/d?sslPassword=secret&a=b", "postgresql://h/d?sslPassword=***&a=b"),
        ("postgresql://u:secret", "postgresql://u:***"),
    ],
)
def test_a_password_is_masked(url: str, shown: str) -> None:
    assert masked(url) == shown
    assert has_password(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u@h/d",
        "postgresql://h:5432/d",
        "postgresql://[::1]:5432/d",
        "sqlite:////a:b@c/record.sqlite",
        "nonsense",
    ],
)
def test_all_else_is_shown(url: str) -> None:
    assert masked(url) == url
    assert not has_password(url)
