"""Option types that say, in one line, what was got and what it may be."""

from __future__ import annotations

import math
from typing import Any, ClassVar

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


class WholeNumbers(click.ParamType[tuple[int, ...]]):
    """Whole numbers within bounds with commas between them, as a tuple."""

    name = "N,.."

    def __init__(self, low: int, high: int = 2**31 - 1) -> None:
        self._one = Whole(low, high)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Reads them, or fails with the option's name."""
        if isinstance(value, tuple):
            return value
        return tuple(self._one.convert(part, param, ctx) for part in value.split(","))


class Seconds(click.ParamType[float]):
    """A time above 0, as ``float``."""

    name = "SECONDS"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Reads it, or fails with the option's name."""
        return _positive(value, param, "a number of seconds above 0")


class Positive(click.ParamType[float]):
    """A number above 0, as ``float``."""

    name = "X"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Reads it, or fails with the option's name."""
        return _positive(value, param, "a number above 0, such as 1.5")


class Amount(click.ParamType[int]):
    """A count such as 30M or 250k, as ``int``; k, M and G are powers of 1000."""

    name = "N"
    _units: ClassVar = {"k": 10**3, "M": 10**6, "G": 10**9}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Reads it, or fails with the option's name."""
        if isinstance(value, int):
            return value
        unit = self._units.get(value[-1:])
        number = value[:-1] if unit else value
        return round(
            _positive(number, param, "a number such as 30M, 250k or 2G", value) * (unit or 1)
        )


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


data_option = click.option(
    "--data",
    metavar="D",
    help="digits (the default, embedded), shapes[:classes=..,size=..,n=..], a folder "
    "with one sub-folder of images per class, Parquet files or WebDataset shards (a "
    "file or their folder), CIFAR's archive, a .npz file, or hub:NAME of the "
    "Hugging Face Hub.",
)


workers_option = click.option(
    "--workers",
    type=Whole(1),
    help="Candidates evaluated at once. Default: one for each GPU, or core.",
)


epochs_option = click.option(
    "--epochs", type=Whole(1), help="Of each candidate's training.  [default: 10]"
)


batch_size_option = click.option(
    "--batch-size", type=Whole(2), help="Images a training step. Default: 32 to 128, by the data."
)


reward_option = click.option(
    "--reward",
    metavar="R",
    help="product[:w=-0.07,v=-0.05] (the default), or with a target step time T, in the "
    "backbone's or in seconds as 0.05s: soft:T=.., hard:T=.., absolute:T=..",
)


seed_option = click.option(
    "--seed", type=Whole(0), help="Decides all that is random.  [default: 0]"
)


address_option = click.option(
    "--address", metavar="A", help="A running Ray cluster to join, or auto."
)


storage_option = click.option(
    "--storage", metavar="URL", help="A database for the record, such as postgresql://.."
)
