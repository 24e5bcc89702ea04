"""Data sets of encoded images, read through the cache of decoded images.

The images are decoded once, into an entry of the cache. Searches, trainings and their workers then
map the entry's file into memory.
"""

from __future__ import annotations

import errno
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
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
from nas.data.cache.directory import CacheDirectory, cache_directory, no_room, not_writable
from nas.data.cache.entry import Entry, is_sound, open_entry
from nas.data.cache.filling import fill, image_bytes
from nas.data.cache.survey import Survey, default_size, survey
from nas.data.decode import Decoding, parse_background
from nas.data.formats.base import Listing, Source
from nas.data.formats.rare_classes import without_rare_classes
from nas.data.formats.registry import (
    evaluation_source,
    search_source,
    training_source,
    unused_split,
)
from nas.data.minival import MinivalChoice, training_and_minival
from nas.data.options import DataOptions
from nas.data.split import EvaluationData, EvaluationSplit, SearchData, Split
from nas.errors import UserError
from results.file_system import owner, whose

# Data up to this size is sent to workers, for nodes that have neither the cache nor the data.
SENT_BYTES = 2**29
_VERSION = 1  # of the layout of an entry's files
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Parts(Protocol):
    """A division of a listing into parts: the positions of the images in each."""

    @property
    def key(self) -> str:
        """What stands for the division in the names of entries on the disk."""

    def __call__(self, listing: Listing) -> list[NDArray[np.int64]]:
        """Return the positions (N,) of each part, before any image is decoded."""


def cached_search_data(name: str, spec: str, size: int | None, options: DataOptions) -> SearchData:
    """Return the training set and the minival of ``spec`` at ``size`` pixels.

    ``spec`` must not depend on the working directory. ``name`` is what the user typed. Without a
    size, it is :func:`~nas.data.cache.survey.default_size`.

    Raises:
        UserError: the data cannot be used, or the cache has no room.
    """
    choice = options.minival_choice
    source = without_rare_classes(
        search_source(spec, choice.is_split_used), options.min_per_class, spec
    )
    found, reason = survey(training_source(spec)), ""
    if size is None:
        size, reason = default_size(found, torch.cuda.is_available())
    entry = open_cached(spec, source, size, TrainingParts(choice), _decoding(found, options))
    data = _search_data(Reopening(name, spec, options, source.split), entry)
    is_told = choice.is_split_used and not source.split
    notes = (found.note,) if found and found.note else ()
    return replace(
        data,
        unused_split=unused_split(spec) if is_told else "",
        native_size=found.median if found else None,
        size_reason=reason,
        values=found.values if found else None,
        notes=(*notes, *data.notes),
    )


def _decoding(found: Survey | None, options: DataOptions) -> Decoding:
    """Return the rules of decoding: values have the range given, or else that of the survey."""
    values = options.values or (found.values if found else None)
    return Decoding(values, parse_background(options.background))


def cached_evaluation_data(
    name: str,
    spec: str,
    size: int | None,
    class_names: tuple[str, ...],
    options: DataOptions,
    split: EvaluationSplit | None = None,
) -> EvaluationData:
    """Return a split of ``spec`` to evaluate on at ``size`` pixels, labelled by ``class_names``.

    Without a size, it is the default for the test images. Values have the range in the options,
    which is that of the training, or else that of the test images.

    Raises:
        UserError: the data cannot be used, or the cache has no room.
    """
    leaves_out_others = options.min_per_class is not None
    source = evaluation_source(spec, class_names, split, leaves_out_others)
    found = survey(source)
    size = size or default_size(found, torch.cuda.is_available())[0]
    entry = open_cached(spec, source, size, WholeListing(), _decoding(found, options))
    (test,) = entry.parts()
    meta = entry.meta
    return EvaluationData(name, len(meta.class_names), test, meta.unreadable, source.split)


@dataclass(frozen=True)
class Reopening:
    """What another process needs to know to read the same data: see :func:`reopened`."""

    name: str
    spec: str
    options: DataOptions
    minival_split: str


def reopened(
    wanted: Reopening, path: Path, size: int, digest: str, copy: SearchData | None
) -> SearchData:
    """Return the data whose hash is ``digest`` in another process.

    It comes from the cache entry at ``path``; without that, from the ``copy`` sent along; without
    either, from the ``wanted`` data, whose images are then decoded into this node's cache.

    Raises:
        UserError: the data cannot be used on this node, or holds other images.
    """
    entry = open_entry(path)
    if entry is not None and entry.meta.digest == digest:
        return _search_data(wanted, entry)
    if copy is not None:
        return copy
    data = cached_search_data(wanted.name, wanted.spec, size, wanted.options)
    if data.digest != digest:
        raise UserError(
            f"--data: {wanted.spec}: got other images on this node than where the run started, "
            "must be the same on all nodes"
        )
    return data


def _search_data(wanted: Reopening, entry: Entry) -> SearchData:
    training, minival = entry.parts()
    meta = entry.meta
    data = SearchData(
        wanted.name,
        len(meta.class_names),
        training,
        minival,
        meta.unreadable,
        meta.class_names,
        meta.statistics,
        meta.digest,
        minival_split=wanted.minival_split,
        notes=meta.notes,
        warnings=meta.warnings,
    )
    copy = None
    if entry.pixels.nbytes <= SENT_BYTES:
        copy = replace(data, training=_in_memory(training), minival=_in_memory(minival))
    reopen = partial(reopened, wanted, entry.path, meta.image_size, meta.digest, copy)
    return replace(data, reopen=reopen)


def _in_memory(split: Split) -> Split:
    """Return the split with a plain array over the same memory, which pickles by value."""
    return Split(np.asarray(split.pixels), split.labels)


# Making an entry.


@dataclass(frozen=True)
class TrainingParts:
    """The division into training set and minival: the validation split, or a part held out."""

    choice: MinivalChoice

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
class WholeListing:
    """All images as one part."""

    key = "whole"

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
) -> Entry:
    """Open the cache entry of ``source`` at ``size`` pixels; decode the images if there is none.

    Each size has its own entry, decoded from the original images. Shrinking the images of a larger
    entry would give other pixels, so that a search would depend on what the cache holds.

    Raises:
        UserError: the cache has no room, or too few images can be read.
    """
    console = console or Console(stderr=True)
    directory = cache_directory()
    decoding = decoding or Decoding()

    find = partial(_open_sound, tell=cache(partial(_print_changed, console)))

    def make(draft: Path) -> None:
        _make(draft, directory, spec, source, size, parts, decoding, console)

    name = entry_name(spec, source, size, parts, decoding)
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


def entry_name(spec: str, source: Source, size: int, parts: Parts, decoding: Decoding) -> str:
    """Return a readable name followed by a hash of everything that decides the entry's content."""
    key = repr((_VERSION, filling.VERSION, source.fingerprint, size, parts.key, decoding))
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", Path(spec.rstrip("/")).name).strip(".-")[:24]
    return f"{name}-{size}px-{hashlib.sha256(key.encode()).hexdigest()[:10]}"


def _make(
    draft: Path,
    directory: CacheDirectory,
    spec: str,
    source: Source,
    size: int,
    parts: Parts,
    decoding: Decoding,
    console: Console,
) -> None:
    """Decode all images into the directory ``draft``, with a progress bar on a terminal."""
    listing = source.listing()
    positions = parts(listing)
    directory.sweep()  # spares locked drafts, this one among them
    count = len(listing.labels)
    if not count:
        raise UserError(f"--data: {spec}: got 0 images, must have one or more")
    wanted_bytes = count * image_bytes(size)
    directory.make_room(wanted_bytes)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(elapsed_when_finished=True))
    progress = Progress(
        TextColumn("{task.description}", markup=False), *columns,
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
    try:
        with progress:
            task = progress.add_task(f"decoding {Path(spec).name} into the cache", total=count)
            advance = partial(progress.advance, task)
            fill(draft, listing, positions, size, spec, advance, decoding)
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise no_room(directory.path, wanted_bytes, str(error.strerror)) from error
        raise


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
