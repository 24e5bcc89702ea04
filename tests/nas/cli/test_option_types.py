"""Option types: what they take, and the one line about what they do not."""

from __future__ import annotations

import time
from typing import Any

import click
import pytest
from click.testing import CliRunner

from nas.cli.option_types import Moment, Positive, Seconds, Whole


@click.command()
@click.option("--count", type=Whole(1))
@click.option("--size", type=Whole(4, 4096))
@click.option("--limit", type=Seconds())
@click.option("--hours", type=Positive("8", high=8760))
@click.option("--until", type=Moment())
def command(**options: Any) -> None:
    click.echo(next(repr(value) for value in options.values() if value is not None))


def _run(option: str, value: str) -> tuple[int, str]:
    result = CliRunner().invoke(command, [option, value])
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("option", "value", "read"),
    [
        ("--count", "1", "1"),
        ("--count", "2147483647", "2147483647"),
        ("--count", " 7 ", "7"),
        ("--size", "4", "4"),
        ("--size", "4096", "4096"),
        ("--limit", "2", "2.0"),
        ("--limit", "0.5", "0.5"),
        ("--limit", "1e3", "1000.0"),
    ],
)
def test_values_within_bounds_are_read(option: str, value: str, read: str) -> None:
    assert _run(option, value) == (0, f"{read}\n")


@pytest.mark.parametrize("value", ["0", "-3", "1.5", "1e3", "", "ten", "2147483648", "9" * 5000])
def test_whole_numbers_without_an_upper_bound(value: str) -> None:
    _assert_refused("--count", value, "a whole number, 1 or more")


@pytest.mark.parametrize("value", ["3", "4097", "-4", "32px", "nan"])
def test_whole_numbers_with_bounds(value: str) -> None:
    _assert_refused("--size", value, "a whole number, from 4 to 4096")


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "-inf", "1h", ""])
def test_seconds(value: str) -> None:
    _assert_refused("--limit", value, "a number of seconds above 0")


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("2096-11-30T08:00Z", 4005100800.0),
        ("2096-11-30T08:00+01:00", 4005097200.0),
        ("2096-11-30 08:00:30+00:00", 4005100830.0),
    ],
)
def test_a_moment_with_a_zone(value: str, read: float) -> None:
    assert _run("--until", value) == (0, f"{read}\n")


def test_a_moment_without_a_zone_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert _run("--until", "2096-11-30T17:00") == (0, "4005100800.0\n")
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("value", ["tomorrow", "", "08:00", "2096-13-01T00:00", "9" * 5000])
def test_what_is_no_moment(value: str) -> None:
    _assert_refused("--until", value, "a date and time, such as 2026-11-30T08:00")


def test_a_past_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas.cli.option_types.time.time", lambda: 4005100800.0)
    assert _run("--until", "2096-11-30T08:00:01Z")[0] == 0
    code, output = _run("--until", "2096-11-30T08:00Z")
    assert code == 2
    assert "got '2096-11-30T08:00Z', must be in the future; now it is 2096-11-30T" in output


@pytest.mark.parametrize("value", ["0", "-1", "8761", "nan", "8h"])
def test_a_number_up_to_a_limit(value: str) -> None:
    _assert_refused("--hours", value, "a number above 0 and at most 8760, such as 8")


def _assert_refused(option: str, value: str, may_be: str) -> None:
    code, output = _run(option, value)
    assert code == 2
    assert output.splitlines()[-1] == f"Error: {option}: got {value!r}, must be {may_be}"
