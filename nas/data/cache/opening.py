"""Open the cache entry of a set of encoded images, which is made first if there is none."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from nas.data.cache import filling
from nas.data.cache.directory import cache_directory, no_room, not_writable
from nas.data.cache.entry import Entry, is_sound, open_entry
from nas.data.cache.filling import fill, image_bytes
from nas.data.decode import Decoding
from nas.data.formats.base import Listing, Source
from nas.data.formats.rare_classes import taken
from nas.data.minival import MinivalChoice, training_and_minival
from nas.errors import UserError, has_no_room, visible
from nas.terminal import Terminal
from results.file_system import owner, whose

_VERSION = 1  # of the layout of an entry's files
_INDEX_BYTES = 64  # an image in an index
_SAID_AFTER_S = 5.0  # of decoding, where no bar shows it


class Parts(Protocol):
    """A division of a listing into parts: the positions of the images in each."""

    @property
    def key(self) -> str:
        """What stands for the division in the names of entries on the disk."""

    @property
    def has_training(self) -> bool:
        """Whether the first part is a training set, which must have images of every class."""

    def __call__(self, listing: Listing) -> list[NDArray[np.int64]]:
        """Return the positions (N,) of each part, before any image is decoded."""


@dataclass(frozen=True)
class TrainingParts:
    """The division into training set and minival: the validation split, or a part held out."""

    choice: MinivalChoice
    has_training = True

    @property
    def key(self) -> str:
        """What stands for the division in the names of entries; it must never change."""
        return f"training and minival {self.choice.text}"

    def __call__(self, listing: Listing) -> list[NDArray[np.int64]]:
        """Return the positions of the training set and of the minival."""
        start = listing.validation_start
        if start is None:
            return list(training_and_minival(listing.labels, self.choice))
        return [np.arange(start), np.arange(start, len(listing.labels))]


@dataclass(frozen=True)
class OneOfParts:
    """The training set alone, or the minival alone, where the two differ in size."""

    choice: MinivalChoice
    has_training: bool

    @property
    def key(self) -> str:
        """What stands for the part in the names of entries; it must never change."""
        return f"{'training' if self.has_training else 'minival'} {self.choice.text}"

    def __call__(self, listing: Listing) -> list[NDArray[np.int64]]:
        """Return the positions of the part."""
        training, minival = TrainingParts(self.choice)(listing)
        return [training if self.has_training else minival]


@dataclass(frozen=True)
class WholeListing:
    """All images as one part."""

    key = "whole"
    has_training = False

    def __call__(self, listing: Listing) -> list[NDArray[np.int64]]:
        """Return all positions."""
        return [np.arange(len(listing.labels))]


def open_cached(
    spec: str,
    source: Source,
    size: int,
    parts: Parts,
    decoding: Decoding | None = None,
    console: Console | None = None,
    size_of_rest: int | None = None,
    remedy: str = "",
    keeps_pixels: bool = True,
) -> Entry:
    """Open the cache entry of ``source`` at ``size`` pixels; decode the images if there is none.

    Each size has its own entry, decoded from the original images. Shrinking the images of a larger
    entry would give other pixels, so that a search would depend on what the cache holds.

    Before anything is decoded, there must be room for the entry, and with ``size_of_rest`` for the
    images of no part at that size, of which the next entry is made. ``remedy`` is told where there
    is none, such as ``a smaller --image-size``. Without ``keeps_pixels``, the entry is an index.

    Raises:
        UserError: the cache has no room, or too few images can be read.
    """
    console = console or Terminal(stderr=True)
    directory = cache_directory()
    decoding = decoding or Decoding()

    find = partial(_open_sound, tell=cache(partial(_print_changed, console)))

    def make(draft: Path) -> None:
        listing, positions, rest = listed(source, spec, parts)
        an_image = image_bytes(size) if keeps_pixels else _INDEX_BYTES
        wanted_bytes = len(listing.labels) * an_image
        directory.sweep()  # spares locked drafts, this one among them
        rest_bytes = rest * image_bytes(size_of_rest) if size_of_rest else 0
        directory.make_room(wanted_bytes + rest_bytes, remedy)
        purpose = "into the cache" if keeps_pixels else "once, to check all images"
        with _decoding_shown(spec, purpose, len(listing.labels), console) as advance:
            try:
                fill(
                    draft, listing, positions, size, spec, advance, decoding,
                    parts.has_training, keeps_pixels,
                )  # fmt: skip
            except OSError as error:
                if has_no_room(error):
                    reason = str(error.strerror)
                    raise no_room(directory.path, wanted_bytes, reason, remedy) from error
                raise

    name = entry_name(spec, source, size, parts, decoding, keeps_pixels)
    try:
        return directory.entry(name, find, make, on_wait=partial(_print_waiting, console, spec))
    except OSError as error:
        raise not_writable(directory.path, error, exit_code=1) from error


def _open_sound(path: Path, tell: Callable[[Path], None]) -> Entry | None:
    """Open an entry; None if there is none, or if its images are no longer those written.

    In the latter case ``tell`` is called with the path.
    """
    entry = open_entry(path)
    if entry is None or is_sound(entry):
        return entry
    tell(path)
    return None


def entry_name(
    spec: str,
    source: Source,
    size: int,
    parts: Parts,
    decoding: Decoding,
    keeps_pixels: bool = True,
) -> str:
    """Return a readable name followed by a hash of everything that decides the entry's content."""
    crop = () if decoding.crop == "square" else (decoding.crop,)  # not in repr() of the rules
    key = repr((_VERSION, filling.VERSION, source.fingerprint, size, parts.key, decoding, *crop))
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", Path(spec.rstrip("/")).name).strip(".-")[:24]
    kind = "" if keeps_pixels else "index-"
    return f"{name}-{size}px-{kind}{hashlib.sha256(key.encode()).hexdigest()[:10]}"


def find_cached(
    spec: str, source: Source, size: int, parts: Parts, decoding: Decoding
) -> Entry | None:
    """Open the cache entry of ``source`` if there is one; nothing is decoded."""
    name = entry_name(spec, source, size, parts, decoding)
    return cache_directory().found(name, open_entry)


def listed(source: Source, spec: str, parts: Parts) -> tuple[Listing, list[NDArray[np.int64]], int]:
    """Return the images of the parts, their positions in each, and the number of other images."""
    listing = source.listing()
    count = len(listing.labels)
    positions = parts(listing)
    if not count:
        raise UserError(f"--data: {spec}: got 0 images, must have one or more")
    kept = np.sort(np.concatenate(positions))
    if len(kept) < count:
        listing = taken(listing, kept)
        positions = [np.searchsorted(kept, part) for part in positions]
    return listing, positions, count - len(kept)


@contextmanager
def _decoding_shown(
    spec: str, purpose: str, count: int, console: Console
) -> Iterator[Callable[[int], None]]:
    """Show a bar on a terminal, or else a line if it takes long; yield what advances it."""
    description = f"decoding {visible(Path(spec).name)} {purpose}"
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(elapsed_when_finished=True))
    progress = Progress(
        TextColumn("{task.description}", markup=False), *columns,
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
    with progress:
        task = progress.add_task(description, total=count)
        lines = [] if console.is_terminal else [f"{description}: {count:,} images"]
        start = time.monotonic()

        def advance(images: int) -> None:
            progress.advance(task, images)
            if lines and time.monotonic() - start >= _SAID_AFTER_S:
                console.print(lines.pop(), highlight=False, soft_wrap=True)

        yield advance


def _print_changed(console: Console, path: Path) -> None:
    console.print(
        f"the cached images in {path} have changed on the disk, so they are decoded again",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _print_waiting(console: Console, spec: str, draft: Path) -> None:
    process = f"a process of {owner(draft)}" if whose(draft) else "another process"
    console.print(f"waiting for {process} that is decoding {spec}", highlight=False, markup=False)
