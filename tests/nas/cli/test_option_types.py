"""Option types: what they take, and the one line about what they do not."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner

from nas.cli.option_types import Seconds, Whole


@click.command()
@click.option("--count", type=Whole(1))
@click.option("--size", type=Whole(4, 4096))
@click.option("--limit", type=Seconds())
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


def _assert_refused(option: str, value: str, may_be: str) -> None:
    code, output = _run(option, value)
    assert code == 2
    assert output.splitlines()[-1] == f"Error: {option}: got {value!r}, must be {may_be}"
