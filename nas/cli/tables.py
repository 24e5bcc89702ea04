"""Tables in the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from nas.cli.echo import echo
from search_space.architecture import ACTIVATIONS, Architecture, Stage
from search_space.named import short_name


def print_table(
    console: Console, columns: Sequence[str], rows: Iterable[Sequence[str]], title: str = ""
) -> None:
    """Print a table; a column is right-aligned, or left-aligned if its header ends in ``<``."""
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for column in columns:
        is_text = column.endswith("<")
        table.add_column(column.rstrip("<"), justify="left" if is_text else "right")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def print_stages(console: Console, architecture: Architecture, title: str = "") -> None:
    """Print a network from stem to head, as in EfficientNetV2, Table 4.

    Activations stand below it, unless all are SiLU.
    """
    stem, head = str(architecture.stem_channels), str(architecture.head_channels)
    rows = [("stem", "conv", "3", str(architecture.stem_stride), "", stem, "1", "")]
    for i, stage in enumerate(architecture.stages, 1):
        se_ratio = f"{stage.se_ratio:g}" if stage.se_ratio else ""
        kernel, stride, expansion = str(stage.kernel), str(stage.stride), str(stage.expansion)
        channels, layers = str(stage.channels), str(stage.layers)
        rows.append(
            (
                str(i),
                short_name(stage.operator),
                kernel,
                stride,
                expansion,
                channels,
                layers,
                se_ratio,
            )
        )
    rows.append(("head", "conv, fc", "1", "1", "", head, "1", ""))
    columns = ("stage<", "operator<", "kernel", "stride", "expansion", "channels", "layers", "SE")
    print_table(console, columns, rows, title)
    if activations := _activations(architecture.stages):
        console.print(f"activation     {activations}", highlight=False)


def _activations(stages: Sequence[Stage]) -> str:
    """Return which stages have which activation; empty if all have SiLU."""
    numbers: dict[str, list[str]] = {}
    for i, stage in enumerate(stages, 1):
        numbers.setdefault(stage.activation, []).append(str(i))
    if set(numbers) == {ACTIVATIONS[0]}:
        return ""
    return "; ".join(
        f"{name} in stage{'s' * (len(its) > 1)} {', '.join(its)}" for name, its in numbers.items()
    )


def print_wrapped(text: str, columns: int = 80) -> None:
    """Print a sentence in lines of at most so many columns."""
    for line in textwrap.wrap(text, columns, break_long_words=False, break_on_hyphens=False):
        echo(line)


def short_count(count: int | None) -> str:
    """Return a count in three digits, such as 21.5 M or 2.87 G; None gives an empty text."""
    if count is None:
        return ""
    for scale, unit in ((10**9, " G"), (10**6, " M"), (10**3, " k")):
        if count >= scale:
            return f"{count / scale:.3g}{unit}"
    return str(count)
