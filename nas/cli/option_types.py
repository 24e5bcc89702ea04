"""The types of options: each reads a value, or says in one line what it may be."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar

import click
from click.shell_completion import CompletionItem

from nas.api.option_values import WHOLE
from nas.errors import nearest_first


class Whole(click.ParamType[int]):
    """A whole number within bounds, as ``int``."""

    name = "N"

    def __init__(self, low: int, high: int = 2**31 - 1) -> None:
        self._low, self._high = low, high

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the number, or fail with the option's name."""
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


def whole(name: str) -> Whole:
    """Return the type of an option that a program may give too, with the bounds that it has there.

    ``name`` is the option's in Python, such as ``image_size``.
    """
    return Whole(*WHOLE[name])


class WholeOr(Whole):
    """A whole number within bounds, or a word."""

    def __init__(self, word: str, low: int, high: int) -> None:
        super().__init__(low, high)
        self._word = word

    def convert(  # type: ignore[override]
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        """Read the number or the word, or fail with the option's name."""
        return self._word if value == self._word else super().convert(value, param, ctx)

    def _range(self) -> str:
        return f"{super()._range()}, or {self._word}"


class WholeNumbers(click.ParamType[tuple[int, ...]]):
    """Whole numbers within bounds with commas between them, as a tuple."""

    name = "N,.."

    def __init__(self, low: int, high: int = 2**31 - 1) -> None:
        self._one = Whole(low, high)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Read the numbers, or fail with the option's name."""
        if isinstance(value, tuple):
            return value
        return tuple(self._one.convert(part, param, ctx) for part in value.split(","))


class Seconds(click.ParamType[float]):
    """A time above 0, as ``float``."""

    name = "SECONDS"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read the time, or fail with the option's name."""
        return _positive(value, param, "a number of seconds above 0")


class Duration(click.ParamType[float]):
    """A time such as 90, 90s, 30m, 8h or 2d, in seconds as ``float``; 0 is allowed."""

    name = "TIME"
    _units: ClassVar = {"s": 1, "m": 60, "h": 3600, "d": 86400}

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read the time, or fail with the option's name."""
        if isinstance(value, float):
            return value
        unit = self._units.get(value[-1:])
        number = value[:-1] if unit else value
        if number == "0":
            return 0.0
        return _positive(number, param, "a time such as 90s, 30m, 8h or 0", value) * (unit or 1)


class Positive(click.ParamType[float]):
    """A number above 0, as ``float``, up to ``high`` if that is given."""

    name = "X"

    def __init__(self, example: str = "1.5", high: float = math.inf) -> None:
        self._high = high
        limit = f" and at most {high:g}" if high < math.inf else ""
        self._may_be = f"a number above 0{limit}, such as {example}"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read the number, or fail with the option's name."""
        number = _positive(value, param, self._may_be)
        if number > self._high:
            raise _bad_value(param, value, self._may_be)
        return number


class Share(Positive):
    """A share above 0 and at most 1, as ``float``."""

    def __init__(self, example: str = "0.5") -> None:
        super().__init__(example, 1.0)


class UpTo(click.ParamType[float]):
    """A number from 0 to a bound, as ``float``."""

    name = "X"

    def __init__(self, high: float) -> None:
        self._high = high

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read the number, or fail with the option's name."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0 <= number <= self._high:
            raise _bad_value(param, value, f"a number from 0 to {self._high:g}")
        return number


class Moment(click.ParamType[float]):
    """A date and time in the future, as Unix seconds; local time where it names no zone."""

    name = "TIME"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read the moment, or fail with the option's name."""
        try:
            moment = datetime.fromisoformat(value).timestamp()
        except (ValueError, OverflowError):
            raise _bad_value(param, value, "a date and time, such as 2026-11-30T08:00") from None
        now = time.time()
        if moment <= now:
            local = datetime.fromtimestamp(now).astimezone()
            raise _bad_value(param, value, f"in the future; now it is {local:%Y-%m-%dT%H:%M%z}")
        return moment


class Amount(click.ParamType[int]):
    """A count such as 30M or 250k, as ``int``; k, M and G are powers of 1000."""

    name = "N"
    _units: ClassVar = {"k": 10**3, "M": 10**6, "G": 10**9}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the count, or fail with the option's name."""
        if isinstance(value, int):
            return value
        unit = self._units.get(value[-1:])
        number = value[:-1] if unit else value
        return round(
            _positive(number, param, "a number such as 30M, 250k or 2G", value) * (unit or 1)
        )


class OneOf(click.ParamType[str]):
    """One of some names."""

    name = "NAME"

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the names that begin so."""
        return [CompletionItem(name) for name in self._names if name.startswith(incomplete)]

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name, or fail with the option's name and the nearest name first."""
        if value not in self._names:
            may_be = ", ".join(nearest_first(value, self._names))
            raise _bad_value(param, value, f"one of {may_be}")
        return str(value)


class MinivalText(click.ParamType[str]):
    """Where the minival comes from, as the text of a choice of :mod:`nas.data.minival`."""

    name = "M"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read the choice, or fail with the option's name."""
        from nas.data.minival import FORM, parse_minival

        try:
            return parse_minival(value).text
        except ValueError:
            raise _bad_value(param, value, FORM) from None


class Background(click.ParamType[str]):
    """A colour that transparent images are laid on, as text."""

    name = "COLOUR"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read the colour, or fail with the option's name."""
        from nas.data.decode import parse_background

        try:
            parse_background(value)
        except ValueError as error:
            raise click.UsageError(f"--background: {error}") from error
        return str(value)


def _positive(value: Any, param: click.Parameter | None, may_be: str, got: object = None) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise _bad_value(param, got or value, may_be)
    return number


def _bad_value(param: click.Parameter | None, value: Any, may_be: str) -> click.UsageError:
    option = param.opts[0] if param else "value"
    return click.UsageError(f"{option}: got {value!r}, must be {may_be}")
