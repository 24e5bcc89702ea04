"""From encoded images to the ones that training reads, by way of the cache."""

from __future__ import annotations

import errno
import hashlib
import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

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
from nas.data.cache.directory import MAKING, CacheDirectory, cache_directory, no_room, sole_maker
from nas.data.cache.entry import Entry, open_entry
from nas.data.cache.filling import fill, image_bytes
from nas.data.formats.base import Listing, Source
from nas.data.split import training_and_minival
from nas.errors import UserError

_VERSION = 1  # of an entry's files
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

Parts = Callable[[Listing], list[NDArray[np.int64]]]


def training_parts(listing: Listing) -> list[NDArray[np.int64]]:
    """Positions of (the training set, the minival), chosen before any image is decoded."""
    return list(training_and_minival(listing.labels))


def whole(listing: Listing) -> list[NDArray[np.int64]]:
    """All positions, as one part."""
    return [np.arange(len(listing.labels))]


def cached(
    spec: str, source: Source, size: int, parts: Parts, console: Console | None = None
) -> Entry:
    """The decoded images of ``source`` at ``size`` pixels, from the cache or put there now.

    An entry is made for each size: images that were made smaller twice have other pixels, and a
    search would depend on what happens to be in the cache.

    Raises:
        UserError: no room in the cache, or too few images that can be read.
    """
    console = console or Console(stderr=True)
    directory = cache_directory()
    path = directory.path / entry_name(spec, source, size, parts)
    draft = path.with_name(path.name + MAKING)
    try:
        while (entry := open_entry(path)) is None:
            with sole_maker(draft, on_wait=partial(_say_waiting, console, spec)) as is_ours:
                if is_ours and open_entry(path) is None:
                    _make(draft, directory, spec, source, size, parts, console)
                    _move(draft, path)
    except OSError as error:
        raise UserError(
            f"NAS_CACHE_DIR: got {directory.path}, must be a folder that can be written ({error})",
            exit_code=1,
        ) from error
    return entry


def entry_name(spec: str, source: Source, size: int, parts: Parts) -> str:
    """The data's name for people, then a hash of all that decides the entry's content."""
    key = repr((_VERSION, filling.VERSION, source.fingerprint, size, parts.__name__))
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", Path(spec.rstrip("/")).name).strip(".-")[:24]
    return f"{name}-{size}px-{hashlib.sha256(key.encode()).hexdigest()[:10]}"


def _make(
    draft: Path,
    directory: CacheDirectory,
    spec: str,
    source: Source,
    size: int,
    parts: Parts,
    console: Console,
) -> None:
    listing = source.listing()
    chosen = parts(listing)
    directory.sweep()  # but not what is locked, as the draft is
    count = len(listing.labels)
    if not count:
        raise UserError(f"--data: {spec}: got no images, must have some")
    wanted = count * image_bytes(size)
    directory.make_room(wanted)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(elapsed_when_finished=True))
    progress = Progress(
        TextColumn("{task.description}", markup=False), *columns,
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
    try:
        with progress:
            task = progress.add_task(f"decoding {Path(spec).name} once", total=count)
            fill(draft, listing, chosen, size, spec, partial(progress.advance, task))
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise no_room(directory.path, wanted, str(error.strerror)) from error
        raise


def _move(draft: Path, path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)  # what is left of one that was not wholly deleted
    draft.replace(path)
    (path / "lock").unlink()


def _say_waiting(console: Console, spec: str) -> None:
    console.print(
        f"waiting for another process that is decoding {spec}", highlight=False, markup=False
    )
