"""Data sets of encoded images, read through the cache of decoded images.

The images are decoded once, into an entry of the cache. Searches, trainings and their workers then
map the entry's file into memory.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from nas.data.cache.entry import Entry, open_entry
from nas.data.cache.opening import TrainingParts, WholeListing, open_cached
from nas.data.cache.survey import Survey, default_size, survey
from nas.data.decode import Decoding, parse_background
from nas.data.formats.rare_classes import without_rare_classes
from nas.data.formats.registry import (
    evaluation_source,
    search_source,
    training_source,
    unused_split,
)
from nas.data.options import DataOptions
from nas.data.split import EvaluationData, EvaluationSplit, SearchData, Split
from nas.errors import UserError

# Data up to this size is sent to workers, for nodes that have neither the cache nor the data.
SENT_BYTES = 2**29


def cached_search_data(name: str, spec: str, size: int | None, options: DataOptions) -> SearchData:
    """Return the training set and the minival of ``spec`` at ``size`` pixels.

    ``spec`` must not depend on the working directory. ``name`` is what the user typed. Without a
    size, it is :func:`~nas.data.cache.survey.default_size`.

    Raises:
        UserError: the data cannot be used, or the cache has no room.
    """
    choice = options.minival_choice
    training = training_source(spec)
    joined = search_source(spec, training, choice.is_split_used)
    source = without_rare_classes(joined, options.min_per_class, spec)
    found, reason = survey(training), ""
    if size is None:
        size, reason = default_size(found, torch.cuda.is_available())
    decoding = _decoding(found, options)
    entry = open_cached(spec, source, size, TrainingParts(choice), decoding)
    data = _search_data(Reopening(name, spec, options, source.split, decoding.values), entry)
    is_told = choice.is_split_used and not source.split
    notes = (found.note,) if found and found.note else ()
    return replace(
        data,
        unused_split=unused_split(spec) if is_told else "",
        native_size=found.median if found else None,
        size_reason=reason,
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
    values: tuple[float, float] | None


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
        values=wanted.values,
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
