"""Tables in the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from nas.cli.echo import echo
from nas.output import text_width
from search_space.architecture import ACTIVATIONS, Architecture, Stage
from search_space.named import short_name

_WIDE, _NARROW = 3, 1  # columns between two of a table's
_FEWEST = 14  # columns that a text keeps, in which its words are folded


def print_table(
    console: Console, columns: Sequence[str], rows: Iterable[Sequence[str]], title: str = ""
) -> None:
    """Print a table; a column is right-aligned, or left-aligned if its header ends in ``<``.

    Where the terminal is narrow, columns move together, texts are folded, and what still has no
    room follows as a further table with the same first column. No figure is cut.
    """
    rows = list(rows)
    widths = [_least_width(head, [row[i] for row in rows]) for i, head in enumerate(columns)]
    gap = _WIDE if _total(widths, _WIDE) <= console.width else _NARROW
    for place, part in enumerate(_parts(widths, console.width, gap)):
        table = Table(
            box=SIMPLE_HEAD,
            title="" if place else title,
            title_justify="left",
            pad_edge=False,
            padding=(0, 1) if gap == _WIDE else (0, 0),
        )
        for i in part:
            is_text = columns[i].endswith("<")
            table.add_column(
                columns[i].rstrip("<"),
                justify="left" if is_text else "right",
                min_width=widths[i],
                no_wrap=not is_text,
                overflow="fold",
            )
        for row in rows:
            table.add_row(*(row[i] for i in part))
        console.print(table)


def _least_width(head: str, cells: Sequence[str]) -> int:
    """Return the columns that a figure takes, or the longest word of a text, up to a bound."""
    name = head.rstrip("<")
    if name == head:
        return max(map(cell_len, [name, *cells]))
    words = (cell_len(word) for cell in cells for word in cell.split())
    return max(cell_len(name), min(_FEWEST, max(words, default=0)))


def _total(widths: Sequence[int], gap: int) -> int:
    return sum(widths) + gap * (len(widths) - 1) + 2  # with a column at each edge


def _parts(widths: Sequence[int], room: int, gap: int) -> Iterator[list[int]]:
    """Yield the columns of each table, as indices; the first column stands in all of them."""
    part = [0]
    for i in range(1, len(widths)):
        if len(part) > 1 and _total([widths[n] for n in (*part, i)], gap) > room:
            yield part
            part = [0]
        part.append(i)
    yield part


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


def print_wrapped(text: str) -> None:
    """Print a sentence in lines of at most 80 columns, or as many as the terminal has."""
    width = text_width()
    for line in textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False):
        echo(line)
