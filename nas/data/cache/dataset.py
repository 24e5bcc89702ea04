"""From encoded images to the ones that training reads, by way of the cache."""

from __future__ import annotations

import errno
import hashlib
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
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
from nas.data.cache.directory import MAKING, CacheDirectory, cache_directory, maker_lock, no_room
from nas.data.cache.entry import Entry, open_entry
from nas.data.cache.filling import fill, image_bytes
from nas.data.formats.base import Listing, Source
from nas.data.formats.registry import evaluation_source, training_source
from nas.data.split import EvaluationData, SearchData, Split, training_and_minival
from nas.errors import UserError

_VERSION = 1  # of an entry's files


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


Parts = Callable[[Listing], list[NDArray[np.int64]]]


def training_parts(listing: Listing) -> list[NDArray[np.int64]]:
    """Positions of (the training set, the minival), chosen before any image is decoded."""
    return list(training_and_minival(listing.labels))


def whole_listing(listing: Listing) -> list[NDArray[np.int64]]:
    """All positions, as one part."""
    return [np.arange(len(listing.labels))]


def open_cached(
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
            with maker_lock(draft, on_wait=partial(_say_waiting, console, spec)) as is_ours:
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


# Up to so much is sent along to workers, for a node that has neither the cache nor the data.
SENT_BYTES = 2**29


def cached_search_data(name: str, spec: str, size: int) -> SearchData:
    """The training set and the minival of ``spec``, which holds from any folder, under a name.

    Raises:
        UserError: the data cannot be used, or the cache has no room.
    """
    source = training_source(spec)
    return _search_data(name, spec, open_cached(spec, source, size, training_parts))


def cached_evaluation_data(
    name: str, spec: str, size: int, class_names: tuple[str, ...]
) -> EvaluationData:
    """The test split of ``spec``, likewise."""
    source = evaluation_source(spec, class_names)
    entry = open_cached(spec, source, size, whole_listing)
    (test,) = entry.parts()
    meta = entry.meta
    return EvaluationData(name, len(meta.class_names), test, meta.unreadable, source.split)


def reopened(
    name: str, spec: str, path: Path, size: int, digest: str, copy: SearchData | None
) -> SearchData:
    """The same data in another process: the same file, or else the copy sent along.

    A node that has neither decodes the images into its own cache, from the same path.

    Raises:
        UserError: the data there is other, or none.
    """
    entry = open_entry(path)
    if entry is not None and entry.meta.digest == digest:
        return _search_data(name, spec, entry)
    if copy is not None:
        return copy
    data = cached_search_data(name, spec, size)
    if data.digest != digest:
        raise UserError(f"--data: {spec}: is not the same on this node as where the search began")
    return data


def _search_data(name: str, spec: str, entry: Entry) -> SearchData:
    training, minival = entry.parts()
    meta = entry.meta
    data = SearchData(
        name,
        len(meta.class_names),
        training,
        minival,
        meta.unreadable,
        meta.class_names,
        meta.statistics,
        meta.digest,
    )
    is_sent = entry.pixels.nbytes <= SENT_BYTES
    copy = (
        replace(data, training=_is_serializable(training), minival=_is_serializable(minival))
        if is_sent
        else None
    )
    again = partial(reopened, name, spec, entry.path, meta.image_size, meta.digest, copy)
    return replace(data, reopen=again)


def _is_serializable(split: Split) -> Split:
    """The same memory, which is no longer known as a file's, so that it pickles by value."""
    return Split(np.asarray(split.pixels), split.labels)
