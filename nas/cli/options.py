"""Options of the command line: their help in groups, and those of several commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial, wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from nas.cli.option_types import (
    Amount,
    Background,
    Duration,
    MinivalText,
    Moment,
    OneOf,
    Positive,
    Seconds,
    Share,
    UpTo,
    WholeOr,
    whole,
)
from nas.search.sharing import AUTO, MOST_SHARERS
from nas.training.recipe_options import MOST_MAGNITUDE, RecipeOptions
from nas.training.recipes import OPTIMIZERS, PRESETS
from search_space.bounds import MOST_STRENGTH

MOST_HOURS = 24 * 365

# Help.


class Option(click.Option):
    """An option that the help lists under the heading of its group."""

    def __init__(self, *names: Any, group: str = "", **attributes: Any) -> None:
        super().__init__(*names, **attributes)
        self.group = group


class Command(click.Command):
    """A command whose help shows its options in groups, and examples.

    ``examples`` maps what an example is for to the command line. Every command has ``--import``.
    """

    def __init__(
        self, *arguments: Any, examples: Mapping[str, str] | None = None, **attributes: Any
    ) -> None:
        super().__init__(*arguments, **attributes)
        self._examples = examples or {}
        self.params.append(_import_option())

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


def _import_modules(ctx: click.Context, parameter: click.Parameter, names: tuple[str, ...]) -> None:
    if names:
        from nas.imports import import_modules

        import_modules(names)


def _import_option() -> Option:
    """Return the option that imports modules of the user's own, before other options are read."""
    return Option(
        ["--import", "modules"],
        metavar="MODULE",
        multiple=True,
        expose_value=False,
        is_eager=True,
        callback=_import_modules,
        help="Import this Python module first, so that what it names or adds is known: operators, "
        "metrics, rewards, recipes. May be repeated.",
    )


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

ARCH = (
    "a file such as best.json, RUN#7 for candidate 7 of a run, or a published name such as "
    "efficientnetv2-s"
)
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
    type=whole("min_per_class"),
    help="Leave out classes with fewer than N training images. Default: refuse data with fewer "
    "than 5 in a class.",
)
epochs_option = partial(
    option,
    "--epochs",
    type=whole("epochs"),
    help="Train each candidate for N epochs.  [default: 10]",
)
batch_size_option = partial(
    option,
    "--batch-size",
    type=whole("batch_size"),
    help="Train on N images a step. Default: 32 to 128, by the number of images.",
)
compile_option = partial(
    option,
    "--compile",
    "is_compiled",
    is_flag=True,
    default=None,
    help="Compile each network with torch.compile, which takes up to a minute each; step time is "
    "then that of the compiled step.",
)


def recipe_options(group: str) -> Callable[[_Function], _Function]:
    """Give a command the options that change a recipe, as ``recipe_options`` in one value."""
    made = [
        option("--flip/--no-flip", default=None, group=group,
               help="Mirror half of the images, which must keep their class."),
        option("--randaugment", type=UpTo(MOST_MAGNITUDE), group=group,
               help="Distort images by RandAugment of this magnitude, 0 (not at all) to 30."),
        option("--mixup", type=UpTo(MOST_STRENGTH), group=group,
               help="Blend images in pairs: the alpha of mixup, 0 for none."),
        option("--cutout", type=UpTo(1), group=group,
               help="Cut a square out of each image: its side as a share of the image's."),
        option("--dropout", type=UpTo(0.99), group=group,
               help="Drop this share of the classifier's inputs."),
        option("--lr", type=Positive("0.004", MOST_STRENGTH), group=group,
               help="Train at this learning rate, at the peak of the schedule, for the whole "
               "batch."),
        option("--optimizer", type=OneOf(OPTIMIZERS), group=group,
               help="Train by adamw or rmsprop; --lr should follow, as their rates differ."),
    ]  # fmt: skip

    def decorate(function: _Function) -> _Function:
        @wraps(function)
        def with_options(*arguments: Any, **given: Any) -> Any:
            recipe_options = RecipeOptions.taken_from(given)
            return function(*arguments, recipe_options=recipe_options, **given)

        decorated: Any = with_options
        for add in reversed(made):
            decorated = add(decorated)
        return cast(_Function, decorated)

    return decorate


RECIPES = f"{', '.join(PRESETS)}, or a function of yours as package.module:attribute"
metric_option = partial(
    option,
    "--metric",
    metavar="M",
    help="Measure networks on the minival by this metric: accuracy (the default), "
    "balanced_accuracy, macro_f1, top5, auroc, map, or a function of logits and labels as "
    "package.module:function.",
)
reward_option = partial(
    option,
    "--reward",
    metavar="R",
    help="Rank candidates by this reward: product[:w=-0.07,v=-0.05] (the default), or soft:T=.., "
    "hard:T=.. or absolute:T=.. with a target step time T, as a multiple of the backbone's (1.2) "
    "or in seconds (0.05s), or a function of yours as package.module:attribute.",
)
seed_option = partial(
    option, "--seed", type=whole("seed"), help="Derive all randomness from this seed.  [default: 0]"
)
workers_option = partial(
    option,
    "--workers",
    type=whole("workers"),
    help="Evaluate N candidates at once. Default: one for each GPU, or for each CPU core as far as "
    "the memory reaches.",
)
address_option = partial(
    option,
    "--address",
    metavar="A",
    help="Run on the Ray cluster at this address: host:port, ray://host:port, or auto for this "
    "machine's.",
)
storage_option = partial(
    option,
    "--storage",
    metavar="URL",
    help="Keep the record in this database, such as postgresql://user@host/name. Default: a "
    "file in the run's directory.",
)
image_size_option = partial(
    option,
    "--image-size",
    type=whole("image_size"),
    help="Train at this image size in pixels. Default: the images' own, or a smaller one if they "
    "are large or of many sizes.",
)
data_share_option = partial(
    option,
    "--data-share",
    type=Share(),
    help="Train on this share of the training images, with as many of each class; the minival "
    "stays whole.  [default: 1]",
)
space_option = partial(
    option,
    "--space",
    metavar="P",
    help="Search this space: small, medium, efficientnetv2, efficientnet-b4, "
    "vertex-efficientnetv2, a YAML file or package.module:function. Default: by the image size.",
)
until_option = partial(
    option,
    "--until",
    type=Moment(),
    help="End at this moment at the latest, such as 2026-11-30T08:00, in local time unless it "
    "names a zone (+01:00, Z). Instead of --hours.",
)
price_option = partial(
    option,
    "--price",
    type=Positive("2.5"),
    metavar="P",
    help="Forecast the cost too, at this price for an hour of one worker, in any currency.",
)
time_limit_option = partial(
    option,
    "--time-limit",
    type=Seconds(),
    help="Count a candidate as failed that takes longer than this.  [default: 3600]",
)
search_recipe_option = partial(
    option,
    "--recipe",
    metavar="R",
    help=f"Train candidates by this recipe: {RECIPES}. photos flips images and crops them "
    "by scale.  [default: proxy]",
)
max_params_option = partial(
    option,
    "--max-params",
    type=Amount(),
    metavar="N",
    help="Propose no candidates with more than N parameters, such as 30M.",
)
per_gpu_option = partial(
    option,
    "--per-gpu",
    type=WholeOr(AUTO, 1, MOST_SHARERS),
    help="Train N candidates on each GPU at once, or auto: as many as keep it busy, by its memory "
    "and the backbone's step. Steps are timed alone all the same.  [default: 1]",
)
in_process_option = partial(
    option,
    "--in-process",
    is_flag=True,
    help="Evaluate one candidate after the other in this process, without Ray: to debug, to start "
    "faster, or where Ray is not installed. A candidate that hangs is then not ended.",
)
patience_option = partial(
    option,
    "--patience",
    type=Duration(),
    metavar="TIME",
    default="30m",
    show_default=True,
    help="Wait so long for a record that cannot be written: a full disk, a lock, or no server.",
)
hours_option = partial(option, "--hours", type=Positive("8", MOST_HOURS), metavar="H")
out_option = partial(
    option,
    "--out",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Write the run to this directory, new or empty. Default: runs/ and the date.",
)
like_option = partial(
    option,
    "--like",
    metavar="RUN",
    type=click.Path(path_type=Path),
    help="Take over data, space, --max-params, recipe, epochs, image size, share of the data, "
    "metric and reward of this run of nas proxy or nas search; options given beside it go first.",
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
