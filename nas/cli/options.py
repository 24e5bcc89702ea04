"""Options of the command line: their types, their help in groups, and those of several commands."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import click
from click.shell_completion import CompletionItem

from nas.errors import nearest_first

# Types.


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


class Positive(click.ParamType[float]):
    """A number above 0, as ``float``."""

    name = "X"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read the number, or fail with the option's name."""
        return _positive(value, param, "a number above 0, such as 1.5")


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


# Help.


class Option(click.Option):
    """An option that the help lists under the heading of its group."""

    def __init__(self, *names: Any, group: str = "", **attributes: Any) -> None:
        super().__init__(*names, **attributes)
        self.group = group


class Command(click.Command):
    """A command whose help shows its options in groups, and examples.

    ``examples`` maps what an example is for to the command line.
    """

    def __init__(
        self, *arguments: Any, examples: Mapping[str, str] | None = None, **attributes: Any
    ) -> None:
        super().__init__(*arguments, **attributes)
        self._examples = examples or {}

    def format_arguments(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write nothing: arguments are the first of the sections."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for the arguments and for each group, their columns in line."""
        write_sections(formatter, self._sections(ctx))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        write_examples(formatter, self._examples)

    def _sections(self, ctx: click.Context) -> dict[str, list[tuple[str, str]]]:
        """Return the rows under each heading; those of options without a group come last."""
        sections: dict[str, list[tuple[str, str]]] = {}
        rest: list[tuple[str, str]] = []
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx)
            if row is None:
                continue
            if isinstance(parameter, click.Argument):
                sections.setdefault("Arguments", []).append(row)
            elif group := getattr(parameter, "group", ""):
                sections.setdefault(group, []).append(row)
            else:
                rest.append(row)
        is_grouped = sections.keys() - {"Arguments"}
        return {**sections, "Other options" if is_grouped else "Options": rest}


_FIRST_COLUMN = 22  # characters at most; a longer name has a line of its own


def write_sections(
    formatter: click.HelpFormatter, sections: Mapping[str, Iterable[tuple[str, str]]]
) -> None:
    """Write the sections of a help page, each a heading over rows of a name and its help."""
    names = [name for rows in sections.values() for name, _ in rows]
    width = max((len(name) for name in names if len(name) <= _FIRST_COLUMN), default=0)
    for heading, rows in sections.items():
        with formatter.section(heading):
            formatter.write_dl([(name.ljust(width), text) for name, text in rows], col_max=width)


def write_examples(formatter: click.HelpFormatter, examples: Mapping[str, str]) -> None:
    """Write the section of examples, none of them wrapped, so that they can be copied."""
    if not examples:
        return
    with formatter.section("Examples"):
        for purpose, line in examples.items():
            formatter.write(f"  # {purpose}\n  {line}\n")


_Function = TypeVar("_Function", bound=Callable[..., Any])


def command(
    examples: Mapping[str, str], **attributes: Any
) -> Callable[[Callable[..., Any]], Command]:
    """Make a function a :class:`Command`; ``attributes`` are those of ``click.command``."""
    return click.command(cls=Command, examples=examples, **attributes)


def option(*names: str, group: str = "", **attributes: Any) -> Callable[[_Function], _Function]:
    """Give a command an :class:`Option`; ``attributes`` are those of ``click.option``."""
    return click.option(*names, cls=Option, group=group, **attributes)


# Options and arguments of several commands; each command adds the group of an option.

ARCH = "a file such as best.json, or a published name such as efficientnetv2-s"
DATA = (
    "a folder with one sub-folder of images per class, Parquet files or WebDataset shards (a file "
    "or their folder), CIFAR's archive, a .npz file, hub:NAME (Hugging Face Hub), digits "
    "(included) or shapes[:classes=..,size=..,n=..] (generated)"
)

data_option = partial(
    option, "--data", metavar="D", help=f"Search on these images: {DATA}.  [default: digits]"
)
minival_option = partial(
    option,
    "--minival",
    type=MinivalText(),
    help="Measure accuracy on this minival: train holds images out of the training set, 0.1 holds "
    "out that share of it. Default: the data's own validation split, else train.",
)
background_option = partial(
    option,
    "--background",
    type=Background(),
    help="Lay transparent images on this colour: grey, white, black, #rrggbb.  [default: grey]",
)
min_per_class_option = partial(
    option,
    "--min-per-class",
    type=Whole(1),
    help="Leave out classes with fewer than N training images. Default: refuse data with fewer "
    "than 5 in a class.",
)
epochs_option = partial(
    option, "--epochs", type=Whole(1), help="Train each candidate for N epochs.  [default: 10]"
)
batch_size_option = partial(
    option,
    "--batch-size",
    type=Whole(2),
    help="Train on N images a step. Default: 32 to 128, by the number of images.",
)
reward_option = partial(
    option,
    "--reward",
    metavar="R",
    help="Rank candidates by this reward: product[:w=-0.07,v=-0.05] (the default), or soft:T=.., "
    "hard:T=.. or absolute:T=.. with a target step time T, as a multiple of the backbone's (1.2) "
    "or in seconds (0.05s).",
)
seed_option = partial(
    option, "--seed", type=Whole(0), help="Derive all randomness from this seed.  [default: 0]"
)
workers_option = partial(
    option,
    "--workers",
    type=Whole(1),
    help="Evaluate N candidates at once. Default: one for each GPU, or for each CPU core.",
)
address_option = partial(
    option,
    "--address",
    metavar="A",
    help="Run on the Ray cluster at this address (host:port), or on the one that auto finds.",
)
storage_option = partial(
    option,
    "--storage",
    metavar="URL",
    help="Keep the record in this database, such as postgresql://user@host/name. Default: a "
    "file in the run's directory.",
)
runs_argument = partial(
    click.argument,
    "runs",
    metavar="RUN...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
    help="Each is the directory of a run.",
)
bench_option = partial(
    option,
    "--bench",
    "benches",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Show the networks of this file, from nas bench --json, beside the candidates. May be "
    "repeated.",
)
json_option = partial(option, "--json", "as_json", is_flag=True, help="Print JSON, not a table.")
