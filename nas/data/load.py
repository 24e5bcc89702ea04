"""Data sets by the value of ``--data``: those in memory here, encoded images through the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from nas.data.cache.dataset import cached_evaluation_data, cached_search_data
from nas.data.decode import PUBLISHED_MARGIN, SQUEEZED_FROM, Crop
from nas.data.formats.base import split_of_folder
from nas.data.formats.hub import FORM, PREFIX
from nas.data.formats.rare_classes import kept_classes
from nas.data.formats.registry import evaluation_source, is_encoded
from nas.data.given import data_place, from_function, is_function
from nas.data.in_memory import (
    NamedSplit,
    has_split,
    is_in_memory,
    is_shapes,
    of_classes,
    split_in_memory,
    training_names,
)
from nas.data.minival import training_and_minival
from nas.data.options import DataOptions
from nas.data.split import (
    EVALUATION_SPLITS,
    EvaluationData,
    EvaluationSplit,
    SearchData,
    Split,
    no_such_split,
)
from nas.errors import UserError

_DEFAULTS = DataOptions()
FORMS = (
    "digits, shapes[:classes=..,size=..,n=..], a folder of class folders, of Parquet files or of "
    f"WebDataset .tar shards, one such file, a CIFAR archive, a .npz file, {FORM}, or a function "
    "as package.module:attribute"
)


def load_search_data(
    spec: str,
    image_size: int | None = None,
    options: DataOptions = _DEFAULTS,
    minival_size: int | None = None,
    remedy: str = "a smaller --image-size",
    is_streamed: bool = False,
) -> SearchData:
    """Return the training set and the minival of ``spec`` at ``image_size`` pixels.

    By default, images in memory keep their size, and so do encoded images of one size. Others are
    reduced (:mod:`nas.data.cache.survey`). The minival's images have ``minival_size`` pixels if
    that is given. Encoded images are decoded once, into the cache; ``remedy`` is what to do if it
    has no room. With ``is_streamed``, training images are decoded each time they are needed.

    Raises:
        UserError: ``spec`` is none of the :data:`FORMS`, or the data cannot be used.
    """
    if is_function(spec):
        place = from_function(spec)
        data = load_search_data(place, image_size, options, minival_size, remedy, is_streamed)
        return _renamed(data, spec)
    with _readable(spec):
        if is_in_memory(spec):
            if is_streamed:
                raise UserError(
                    f"--stream: got {spec!r}, which is in memory, must be encoded images"
                )
            data = _search_data_in_memory(spec, image_size, options)
            if minival_size in (None, data.image_size):
                return data
            return replace(
                data, minival=_search_data_in_memory(spec, minival_size, options).minival
            )
        place = absolute_data(spec)
        return cached_search_data(
            spec, place, image_size, options, minival_size, remedy, is_streamed
        )


# ``nas train`` reads the same training set, and the same minival for early stopping.
load_training_data = load_search_data


def load_test_data(
    spec: str,
    image_size: int | None = None,
    class_names: tuple[str, ...] = (),
    options: DataOptions = _DEFAULTS,
    split: EvaluationSplit | None = None,
) -> EvaluationData:
    """Return the images of ``spec`` to evaluate on: the test split, which nothing else reads.

    ``split`` may ask for the validation split instead; None takes that only where there is no test
    split. ``class_names`` are the network's, by label. By default the labels of the training set
    are read.

    Raises:
        UserError: as :func:`load_search_data`, ``spec`` has no such split, or has other classes.
    """
    if is_function(spec):
        place = from_function(spec)
        return replace(load_test_data(place, image_size, class_names, options, split), name=spec)
    with _readable(spec):
        if is_in_memory(spec):
            return _evaluation_data_in_memory(spec, image_size, class_names, options, split)
        place = absolute_data(spec)
        data = cached_evaluation_data(spec, place, image_size, class_names, options, split)
        is_validation = split == "validation" or split_of_folder(data.split) == "val"
        return replace(data, is_validation=is_validation)


def find_evaluation_split(spec: str, class_names: tuple[str, ...]) -> EvaluationSplit | None:
    """Return the split that ``spec`` can be evaluated on, test first; None if it has neither.

    No image is decoded.
    """
    spec = data_place(spec)
    for split in EVALUATION_SPLITS:
        with suppress(UserError, OSError):
            if not is_in_memory(spec):
                evaluation_source(absolute_data(spec), class_names, split)
                return split
            if has_split(spec, split):
                return split
    return None


def absolute_data(spec: str) -> str:
    """Return a ``spec`` of the same data that does not depend on the working directory."""
    if spec == "digits" or is_shapes(spec) or is_function(spec):
        return spec
    if spec.startswith(PREFIX):
        name, comma, options = spec.removeprefix(PREFIX).partition(",")
        name = str(Path(name).resolve()) if name and Path(name).exists() else name
        return f"{PREFIX}{name}{comma}{options}"
    return str(Path(spec).resolve())


def _renamed(data: SearchData, name: str) -> SearchData:
    """Return the data by the name that the user gave it, also in other processes."""
    reopen = data.reopen
    again = None if reopen is None else partial(_reopened, reopen, name)
    return replace(data, name=name, reopen=again)


def _reopened(reopen: Callable[[], SearchData], name: str) -> SearchData:
    return _renamed(reopen(), name)


@contextmanager
def _readable(spec: str) -> Iterator[None]:
    """Refuse a ``spec`` that names no data, or that the file system cannot read."""
    try:
        if not is_in_memory(spec) and not is_encoded(spec):
            missing = "" if Path(spec).exists() else "no such file or folder, "
            raise UserError(f"--data: got {spec!r}, {missing}must be {FORMS}")
        yield
    except OSError as error:  # such as no permission, or a name that is too long
        reason = error.strerror or error
        raise UserError(f"--data: got {spec!r}, must be {FORMS} ({reason})") from error


# Data in memory.


def _search_data_in_memory(spec: str, image_size: int | None, options: DataOptions) -> SearchData:
    """Return the data with its own validation split as the minival, or with one held out."""
    found, choice = split_in_memory(spec, "train", image_size), options.minival_choice
    assert found is not None  # all forms have one
    found, note = (found, "") if is_shapes(spec) else _without_rare_classes(found, spec, options)
    training, names, split = found.images, found.class_names, ""
    validation = split_in_memory(spec, "validation", image_size) if choice.is_split_used else None
    if validation is not None:
        validation = of_classes(validation, names) if note else validation
        minival, split = validation.labelled(names, spec), validation.name
    else:
        training, minival = map(training.take, training_and_minival(training.labels, choice))
    notes = (note,) if note else ()
    return SearchData(
        spec,
        len(names),
        training,
        minival,
        class_names=names,
        minival_split=split,
        notes=notes,
    )


def _without_rare_classes(
    found: NamedSplit, spec: str, options: DataOptions
) -> tuple[NamedSplit, str]:
    """Return the split without the classes of too few images, and a note on them."""
    labels, names = found.images.labels, found.class_names
    kept, note = kept_classes(labels, names, options.min_per_class, spec)
    if not note:
        return found, ""
    smaller = NamedSplit(found.images, tuple(names[i] for i in kept), found.name)
    images = of_classes(found, smaller.class_names).labelled(smaller.class_names, spec)
    return replace(smaller, images=images), note


def _evaluation_data_in_memory(
    spec: str,
    image_size: int | None,
    class_names: tuple[str, ...],
    options: DataOptions,
    split: EvaluationSplit | None,
) -> EvaluationData:
    for wanted in (split,) if split else EVALUATION_SPLITS:
        if found := _cut_in_memory(spec, wanted, image_size, options.crop):
            names = class_names or training_names(spec) or found.class_names
            if options.min_per_class is not None:  # classes that training left out
                found = of_classes(found, names)
            images = found.labelled(names, spec)
            return EvaluationData(spec, len(names), images, (), found.name, wanted == "validation")
    raise no_such_split(spec, split)


def _cut_in_memory(
    spec: str, split: EvaluationSplit, image_size: int | None, crop: Crop
) -> NamedSplit | None:
    """Return a split in memory, whose images are square, cut as :func:`nas.data.decode.fitted`.

    Here they are resized first, and their margin is cut off then.
    """
    if crop == "square" or image_size is None or image_size >= SQUEEZED_FROM:
        return split_in_memory(spec, split, image_size)
    found = split_in_memory(spec, split, image_size + PUBLISHED_MARGIN)
    if found is None:
        return None
    margin = PUBLISHED_MARGIN // 2
    inner = found.images.pixels[:, :, margin:-margin, margin:-margin]
    return replace(found, images=Split(np.ascontiguousarray(inner), found.images.labels))
