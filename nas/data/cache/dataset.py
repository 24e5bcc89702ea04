"""Data sets of encoded images, read through the cache of decoded images.

The images are decoded once, into an entry of the cache. Searches, trainings and their workers then
map the entry's file into memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from nas.data.cache.entry import Entry, open_entry
from nas.data.cache.opening import (
    OneOfParts,
    Parts,
    TrainingParts,
    WholeListing,
    find_cached,
    listed,
    open_cached,
)
from nas.data.cache.survey import Survey, default_size, survey
from nas.data.decode import Decoding, parse_background
from nas.data.formats.base import Source
from nas.data.formats.rare_classes import without_rare_classes
from nas.data.formats.registry import (
    evaluation_source,
    search_source,
    training_source,
    unused_split,
)
from nas.data.minival import MinivalChoice
from nas.data.options import DataOptions
from nas.data.split import EvaluationData, EvaluationSplit, SearchData, Split
from nas.data.streaming import EncodedSplit
from nas.devices import training_device
from nas.errors import UserError

# Data up to this size is sent to workers, for nodes that have neither the cache nor the data.
SENT_BYTES = 2**29


def cached_search_data(
    name: str,
    spec: str,
    size: int | None,
    options: DataOptions,
    minival_size: int | None = None,
    remedy: str = "",
    is_streamed: bool = False,
) -> SearchData:
    """Return the training set and the minival of ``spec`` at ``size`` pixels.

    ``spec`` must not depend on the working directory. ``name`` is what the user typed. Without a
    size, it is :func:`~nas.data.cache.survey.default_size`. The minival may have another size.
    ``remedy`` is told where the cache has no room, such as ``a smaller --image-size``. With
    ``is_streamed``, the training set is an :class:`~nas.data.streaming.EncodedSplit` of the same
    images, with the same hash.

    Raises:
        UserError: the data cannot be used, or the cache has no room.
    """
    choice = options.minival_choice
    training = training_source(spec)
    joined = search_source(spec, training, choice.is_split_used)
    source = without_rare_classes(joined, options.min_per_class, spec)
    found, reason = survey(training), ""
    if size is None:
        size, reason = default_size(found, training_device().type == "cuda")
    decoding = _decoding(found, options)
    sizes = size, minival_size or size
    wanted = Reopening(
        name, spec, options, size, minival_size, source.split, decoding.values, is_streamed
    )
    if is_streamed:
        data = _streamed_data(wanted, source, sizes, decoding, remedy)
    else:
        data = _search_data(wanted, _entries(spec, source, sizes, choice, decoding, remedy))
    is_told = choice.is_split_used and not source.split
    notes = (found.note,) if found and found.note else ()
    return replace(
        data,
        unused_split=unused_split(spec) if is_told else "",
        native_size=found.median if found else None,
        size_reason=reason,
        notes=(*notes, *data.notes),
    )


def _entries(
    spec: str,
    source: Source,
    sizes: tuple[int, int],
    choice: MinivalChoice,
    decoding: Decoding,
    remedy: str,
) -> list[Entry]:
    """Open the entry of the training set and the minival, or one of each if their sizes differ."""
    size, minival_size = sizes
    if size == minival_size:
        parts = TrainingParts(choice)
        return [open_cached(spec, source, size, parts, decoding, remedy=remedy)]
    training, minival = (OneOfParts(choice, is_training) for is_training in (True, False))
    kept = find_cached(spec, source, minival_size, minival, decoding)  # in use, so not deleted
    rest = None if kept else minival_size
    first = open_cached(spec, source, size, training, decoding, size_of_rest=rest, remedy=remedy)
    return [first, open_cached(spec, source, minival_size, minival, decoding, remedy=remedy)]


def _decoding(found: Survey | None, options: DataOptions) -> Decoding:
    """Return the rules of decoding: values have the range given, or else that of the survey."""
    values = options.values or (found.values if found else None)
    return Decoding(values, parse_background(options.background), options.crop)


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
    size = size or default_size(found, training_device().type == "cuda")[0]
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
    size: int
    minival_size: int | None
    minival_split: str
    values: tuple[float, float] | None
    is_streamed: bool = False


def reopened(
    wanted: Reopening, paths: tuple[Path, ...], digest: str, copy: SearchData | None
) -> SearchData:
    """Return the data whose hash is ``digest`` in another process.

    It comes from the cache entries at ``paths``; without those, from the ``copy`` sent along;
    without either, from the ``wanted`` data, whose images are then decoded into this node's cache.

    Raises:
        UserError: the data cannot be used on this node, or holds other images.
    """
    entries = [entry for entry in map(open_entry, paths) if entry is not None]
    if paths and len(entries) == len(paths) and _digest(entries) == digest:
        return _search_data(wanted, entries)
    if copy is not None:
        return copy
    data = cached_search_data(
        wanted.name,
        wanted.spec,
        wanted.size,
        wanted.options,
        wanted.minival_size,
        is_streamed=wanted.is_streamed,
    )
    if data.digest != digest:
        raise UserError(
            f"--data: {wanted.spec}: got other images on this node than where the run started, "
            "must be the same on all nodes"
        )
    return data


def _digest(entries: Sequence[Entry]) -> str:
    """Return the hash of an entry, or of two."""
    digests = [entry.meta.digest for entry in entries]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256(repr(digests).encode()).hexdigest()[:16]


def _search_data(wanted: Reopening, entries: Sequence[Entry]) -> SearchData:
    """Return the data in an entry of both parts, or in an entry of each."""
    training, minival = (split for entry in entries for split in entry.parts())
    data, digest = _of_entries(wanted, entries, training, minival), _digest(entries)
    copy = None
    if sum(entry.pixels.nbytes for entry in entries) <= SENT_BYTES:
        copy = replace(data, training=_in_memory(training), minival=_in_memory(minival))
    paths = tuple(entry.path for entry in entries)
    return replace(data, reopen=partial(reopened, wanted, paths, digest, copy))


def _of_entries(
    wanted: Reopening, entries: Sequence[Entry], training: Split, minival: Split
) -> SearchData:
    """Return the data of two splits, with what the entries tell of them."""
    meta = entries[0].meta
    return SearchData(
        wanted.name,
        len(meta.class_names),
        training,
        minival,
        tuple(name for entry in entries for name in entry.meta.unreadable),
        meta.class_names,
        meta.statistics,
        _digest(entries),
        minival_split=wanted.minival_split,
        values=wanted.values,
        notes=meta.notes,
        warnings=tuple(warning for entry in entries for warning in entry.meta.warnings),
    )


def _streamed_data(
    wanted: Reopening, source: Source, sizes: tuple[int, int], decoding: Decoding, remedy: str
) -> SearchData:
    """Return the data with an encoded training set; the minival is in the cache.

    Raises:
        UserError: the images can only be read one after the other.
    """
    spec, choice, (size, minival_size) = wanted.spec, wanted.options.minival_choice, sizes
    whole = source.listing()
    if whole.reader is None:
        raise UserError(
            f"--stream: got {wanted.name}, whose Parquet files can only be read in order, must be "
            "a folder of images, WebDataset shards, or hub:FOLDER, which makes a copy to read from"
        )
    source = replace(source, list_images=lambda _: whole)  # listed once
    minival = open_cached(
        spec, source, minival_size, OneOfParts(choice, False), decoding, remedy=remedy
    )
    # An entry of both parts has the hash of both, so the index of one has it too.
    parts = TrainingParts(choice) if size == minival_size else OneOfParts(choice, True)
    index = open_cached(spec, source, size, parts, decoding, remedy=remedy, keeps_pixels=False)
    entries = [index] if size == minival_size else [index, minival]
    data = _of_entries(wanted, entries, _encoded(index, source, parts, decoding), *minival.parts())
    return replace(data, reopen=partial(reopened, wanted, (), _digest(entries), None))


def _encoded(index: Entry, source: Source, parts: Parts, decoding: Decoding) -> EncodedSplit:
    """Return the training set of an index."""
    listing, _, _ = listed(source, index.meta.source, parts)
    rows = index.slices()[0]
    assert index.positions is not None
    assert listing.reader is not None
    positions, read = index.positions[rows], listing.reader
    return EncodedSplit(
        index.pixels,
        index.labels[rows],
        lambda i: read(int(positions[i])),
        lambda i: listing.name(int(positions[i])),
        decoding,
    )


def _in_memory(split: Split) -> Split:
    """Return the split with a plain array over the same memory, which pickles by value."""
    return Split(np.asarray(split.pixels), split.labels)
