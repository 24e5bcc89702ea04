"""What a search or a training says about its data before it begins."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from nas.data.split import SearchData

_COLUMNS = 80


def data_lines(data: SearchData, label_width: int) -> list[str]:
    """Return lines on the training set and on the minival, and how exact accuracies are on it."""
    from nas.data.minival import half_width

    count = len(data.minival)
    place = (
        f"from {data.minival_split}" if data.minival_split else "held out of the training images"
    )
    if data.unused_split:
        place += f" ({data.unused_split})"
    half = 100 * half_width(count)
    return [
        f"{'data':{label_width}}{data.name}: {len(data.training):,} images to train on, "
        f"{data.classes} classes, {data.image_size} px",
        *textwrap.wrap(
            f"{count:,} images {place}: 90 % measured there means 90 +-{half:.1f} %",
            width=_COLUMNS,
            initial_indent=f"{'minival':{label_width}}",
            subsequent_indent=" " * label_width,
        ),
    ]


def print_unreadable(data: SearchData) -> None:
    """Print to standard error which images were left out, if there are any."""
    if data.unreadable:
        more = len(data.unreadable) - 5
        names = ", ".join(data.unreadable[:5]) + (f" and {more} more" if more > 0 else "")
        click.echo(f"left out {len(data.unreadable)} unreadable images: {names}", err=True)
