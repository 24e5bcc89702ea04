"""Search data whose images lie in the cache, and how a worker gets the same."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from nas.data.cache.dataset import cached, training_parts, whole
from nas.data.cache.entry import Entry, open_entry
from nas.data.formats.registry import evaluation_source, training_source
from nas.data.split import EvaluationData, SearchData, Split
from nas.errors import UserError

# Up to so much is sent along to workers, for a node that has neither the cache nor the data.
SENT_BYTES = 2**29


def cached_search_data(name: str, spec: str, size: int) -> SearchData:
    """The training set and the minival of ``spec``, which holds from any folder, under a name.

    Raises:
        UserError: the data cannot be used, or the cache has no room.
    """
    source = training_source(spec)
    return _search_data(name, spec, cached(spec, source, size, training_parts))


def cached_evaluation_data(
    name: str, spec: str, size: int, class_names: tuple[str, ...]
) -> EvaluationData:
    """The test split of ``spec``, likewise."""
    source = evaluation_source(spec, class_names)
    entry = cached(spec, source, size, whole)
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
    copy = replace(data, training=_plain(training), minival=_plain(minival)) if is_sent else None
    again = partial(reopened, name, spec, entry.path, meta.image_size, meta.digest, copy)
    return replace(data, reopen=again)


def _plain(split: Split) -> Split:
    """The same memory, which is no longer known as a file's, so that it pickles by value."""
    return Split(np.asarray(split.pixels), split.labels)
