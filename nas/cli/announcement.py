"""What a search or a training says about its data before it begins."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from nas.cli.echo import echo
from nas.errors import first_of

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
    size = int(data.minival.pixels.shape[-1])
    if size != data.image_size:
        place += f", {size} px"
    half = 100 * half_width(count)
    reason = f" ({data.size_reason}; --image-size sets another)" if data.size_reason else ""
    texts = {
        "data": f"{data.name}: {len(data.training):,} images to train on, {data.classes} classes, "
        f"{data.image_size} px{reason}",
        "minival": f"{count:,} images {place}: 90 % measured there means 90 +-{half:.1f} %",
    }
    return [line for label, text in texts.items() for line in wrapped(label, text, label_width)]


def wrapped(label: str, text: str, label_width: int) -> list[str]:
    """Return a text behind its label, in lines of 80 columns."""
    return textwrap.wrap(
        text,
        _COLUMNS,
        initial_indent=f"{label:{label_width}}",
        subsequent_indent=" " * label_width,
        break_long_words=False,
        break_on_hyphens=False,
    )


def print_size_warning(data: SearchData, image_size: int) -> None:
    """Print to standard error if the images in their files have a size far from this one."""
    native = data.native_size
    if native is not None and not image_size / 2 < native < 2 * image_size:
        echo(
            f"warning: the network is for {image_size} px, but the images have about {native} px "
            "(--image-size trains it at another size)",
            err=True,
        )


def print_doubts(data: SearchData) -> None:
    """Print to standard error what was passed over or left out, and what looks wrong."""
    from nas.data.glance import classes_look_alike

    for note in data.notes:
        echo(note, err=True)
    for warning in data.warnings:
        echo(f"warning: {warning}", err=True)
    if classes_look_alike(data.training):
        echo(
            "warning: the classes' average images do not differ: is a label right, and does "
            "decoding show what it should?",
            err=True,
        )
    if data.unreadable:
        count = len(data.unreadable)
        names = first_of(data.unreadable, count)
        echo(f"left out {count} unreadable images: {names}", err=True)
