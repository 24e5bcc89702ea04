"""Option types that say, in one line, what was got and what it may be."""

from __future__ import annotations

import math
from typing import Any

import click


class Whole(click.ParamType[int]):
    """A whole number within bounds, as ``int``."""

    name = "N"

    def __init__(self, low: int, high: int = 2**31 - 1) -> None:
        self._low, self._high = low, high

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Reads it, or fails with the option's name."""
        try:
            number = int(value)
        except ValueError:
            number = None
        if number is None or not self._low <= number <= self._high:
            may_be = f"{self._low} or more" if self._high == 2**31 - 1 else self._range()
            raise _bad_value(param, value, f"a whole number, {may_be}")
        return number

    def _range(self) -> str:
        return f"from {self._low} to {self._high}"


class Seconds(click.ParamType[float]):
    """A time above 0, as ``float``."""

    name = "SECONDS"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Reads it, or fails with the option's name."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and number > 0):
            raise _bad_value(param, value, "a number of seconds above 0")
        return number


def _bad_value(param: click.Parameter | None, value: Any, may_be: str) -> click.UsageError:
    option = param.opts[0] if param else "value"
    return click.UsageError(f"{option}: got {value!r}, must be {may_be}")
