"""Data sets by the value of ``--data``: those in memory here, encoded images through the cache."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nas.data.cache.dataset import cached_evaluation_data, cached_search_data
from nas.data.formats import digits, shapes
from nas.data.formats.arrays import (
    evaluation_arrays,
    training_arrays,
    training_labels,
    validation_arrays,
)
from nas.data.formats.cifar import cifar, is_cifar
from nas.data.formats.hub import FORM, PREFIX
from nas.data.formats.rare_classes import kept_classes
from nas.data.formats.registry import is_encoded
from nas.data.minival import training_and_minival
from nas.data.options import DataOptions
from nas.data.split import NO_LABEL, EvaluationData, SearchData, Split
from nas.errors import UserError

ARRAYS = ".npz"
_DEFAULTS = DataOptions()
FORMS = (
    "digits, shapes[:classes=..,size=..,n=..], a folder of class folders, of Parquet files or of "
    f"WebDataset .tar shards, one such file, a CIFAR archive, a .npz file, or {FORM}"
)


def load_search_data(
    spec: str,
    image_size: int | None = None,
    options: DataOptions = _DEFAULTS,
) -> SearchData:
    """Return the training set and the minival of ``spec`` at ``image_size`` pixels.

    By default, images in memory keep their size, and so do encoded images of one size. Others are
    reduced (:mod:`nas.data.cache.native_size`). Encoded images are decoded once, into the cache.

    Raises:
        UserError: ``spec`` is none of the :data:`FORMS`, or the data cannot be used.
    """
    with _readable(spec):
        if is_in_memory(spec):
            return _search_data_in_memory(spec, image_size, options)
        return cached_search_data(spec, absolute_data(spec), image_size, options)


# ``nas train`` reads the same training set, and the same minival for early stopping.
load_training_data = load_search_data


def load_test_data(
    spec: str,
    image_size: int | None = None,
    class_names: tuple[str, ...] = (),
    options: DataOptions = _DEFAULTS,
) -> EvaluationData:
    """Return the test split of ``spec``, which neither a search nor a training reads.

    ``class_names`` are the training set's, by label. By default the labels of the training set are
    read, but none of its images.

    Raises:
        UserError: as :func:`load_search_data`, or ``spec`` has no test split.
    """
    with _readable(spec):
        if is_in_memory(spec):
            return _evaluation_data_in_memory(spec, image_size, class_names)
        return cached_evaluation_data(spec, absolute_data(spec), image_size, class_names, options)


def absolute_data(spec: str) -> str:
    """Return a ``spec`` of the same data that does not depend on the working directory."""
    if spec == "digits" or _is_shapes(spec):
        return spec
    if spec.startswith(PREFIX):
        name, comma, options = spec.removeprefix(PREFIX).partition(",")
        name = str(Path(name).resolve()) if name and Path(name).exists() else name
        return f"{PREFIX}{name}{comma}{options}"
    return str(Path(spec).resolve())


def is_in_memory(spec: str) -> bool:
    """Return whether the images of ``spec`` are kept in memory, as they are small or generated."""
    if spec == "digits" or _is_shapes(spec):
        return True
    return Path(spec).suffix == ARRAYS or is_cifar(Path(spec))


@contextmanager
def _readable(spec: str) -> Iterator[None]:
    """Refuse a ``spec`` that names no data, or that the file system cannot read."""
    try:
        if not is_in_memory(spec) and not is_encoded(spec):
            raise UserError(f"--data: got {spec!r}, must be {FORMS}")
        yield
    except OSError as error:  # such as no permission, or a name that is too long
        reason = error.strerror or error
        raise UserError(f"--data: got {spec!r}, must be {FORMS} ({reason})") from error


# Data in memory.


def _search_data_in_memory(spec: str, image_size: int | None, options: DataOptions) -> SearchData:
    """Return the data with its own validation split as the minival, or with one held out."""
    choice = options.minival_choice
    training, names = _training_in_memory(spec, image_size)
    validation = _validation_in_memory(spec, image_size, names) if choice.is_split_used else None
    if validation is not None:
        split, minival = validation
    else:
        split = ""
        training, minival = map(training.take, training_and_minival(training.labels, choice))
    data = SearchData(spec, len(names), training, minival, class_names=names, minival_split=split)
    return data if _is_shapes(spec) else _without_rare_classes(data, options)


def _without_rare_classes(data: SearchData, options: DataOptions) -> SearchData:
    """Return the data without the classes of too few images, by the rule for all formats."""
    labels = np.concatenate([data.training.labels, data.minival.labels])
    if data.minival_split:
        labels = data.training.labels
    kept, note = kept_classes(labels, data.class_names, options.min_per_class, data.name)
    if not note:
        return data
    numbers = np.full(data.classes, NO_LABEL)
    numbers[kept] = np.arange(len(kept))
    training, minival = (
        Split(part.pixels[places], numbers[part.labels[places]])
        for part in (data.training, data.minival)
        for places in [np.flatnonzero(numbers[part.labels] != NO_LABEL)]
    )
    names = tuple(data.class_names[i] for i in kept)
    return replace(
        data,
        classes=len(kept),
        training=training,
        minival=minival,
        class_names=names,
        notes=(note,),
    )


def _training_in_memory(spec: str, image_size: int | None) -> tuple[Split, tuple[str, ...]]:
    """Return the training set with labels from 0, and the names of the classes."""
    if spec == "digits":
        return digits.digits("train", image_size or digits.SIZE), _numbers(digits.CLASSES)
    if _is_shapes(spec):
        options = _shapes_options(spec)
        training = _shapes(spec, options, "train", options["n"], image_size)
        return training, _numbers(options["classes"])
    if is_cifar(Path(spec)):
        return cifar(Path(spec), "train", image_size)
    split = training_arrays(Path(spec), image_size)
    labels, numbers = np.unique(split.labels, return_inverse=True)
    names = tuple(map(str, labels.tolist()))
    return Split(split.pixels, numbers.astype(np.int64)), names


def _validation_in_memory(
    spec: str, image_size: int | None, class_names: tuple[str, ...]
) -> tuple[str, Split] | None:
    """Return the name of the validation split and its images; None if there is none."""
    if _is_shapes(spec):
        count, options = shapes.MINIVAL_COUNT, _shapes_options(spec)
        return "images drawn for it", _shapes(spec, options, "minival", count, image_size)
    if Path(spec).suffix == ARRAYS:
        split = validation_arrays(Path(spec), image_size)
        if split is not None:
            return "validation arrays", _numbered(spec, split, class_names, "validation")
    return None


def _evaluation_data_in_memory(
    spec: str, image_size: int | None, class_names: tuple[str, ...]
) -> EvaluationData:
    if spec == "digits":
        test = digits.digits("test", image_size or digits.SIZE)
        return EvaluationData(spec, digits.CLASSES, test)
    if _is_shapes(spec):
        options = _shapes_options(spec)
        test = _shapes(spec, options, "test", shapes.TEST_COUNT, image_size)
        return EvaluationData(spec, options["classes"], test)
    if is_cifar(Path(spec)):
        test, names = cifar(Path(spec), "test", image_size)
        return EvaluationData(spec, len(names), test)
    test = evaluation_arrays(Path(spec), image_size)
    names = class_names or tuple(map(str, training_labels(Path(spec)).tolist()))
    return EvaluationData(spec, len(names), _numbered(spec, test, names, "test"))


def _numbered(spec: str, split: Split, class_names: tuple[str, ...], what: str) -> Split:
    """Return the split of a .npz file with its labels numbered by the training set's classes.

    Raises:
        UserError: the split has other classes.
    """
    known = _as_labels(spec, class_names)
    numbers = np.searchsorted(known, split.labels).clip(max=max(0, len(known) - 1))
    if not len(known) or (known[numbers] != split.labels).any():
        raise UserError(
            f"--data: {spec}: got {what} labels that the training set does not have, "
            f"must be of its {len(known)} classes"
        )
    return Split(split.pixels, numbers.astype(np.int64))


def _as_labels(spec: str, class_names: tuple[str, ...]) -> NDArray[np.int64]:
    """Return the labels of a .npz file that these class names stand for."""
    try:
        return np.array([int(name) for name in class_names], np.int64)
    except (ValueError, OverflowError) as error:
        raise UserError(
            f"--data: {spec}: got numbers as labels, must have the training set's "
            f"{len(class_names)} classes, such as {class_names[0]!r}"
        ) from error


def _numbers(count: int) -> tuple[str, ...]:
    return tuple(map(str, range(count)))


def _is_shapes(spec: str) -> bool:
    return spec.partition(":")[0] == "shapes"


def _shapes_options(spec: str) -> dict[str, int]:
    options = {"classes": shapes.CLASSES, "size": shapes.SIZE, "n": shapes.TRAIN_COUNT}
    for part in spec.partition(":")[2].split(",") if ":" in spec else ():
        key, _, value = part.partition("=")
        if key not in options or not value.isdecimal():
            raise UserError(
                f"--data: got {part!r} in {spec!r}, must be classes=, size= or n= "
                "followed by a number"
            )
        options[key] = int(value)
    return options


def _shapes(
    spec: str, options: dict[str, int], part: str, count: int, image_size: int | None
) -> Split:
    try:
        size = image_size or options["size"]
        return Split(*shapes.shapes(part, count, size, options["classes"]))
    except ValueError as error:
        raise UserError(f"--data: {spec!r}: {error}") from error
    except MemoryError as error:
        raise UserError(
            f"--data: {spec!r}: got more images than fit into memory ({error})"
        ) from error
