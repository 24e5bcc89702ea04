"""``--data``: from what the user typed to the images that are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nas.data.cache.dataset import cached_evaluation_data, cached_search_data
from nas.data.formats import digits, shapes
from nas.data.formats.arrays import evaluation_arrays, training_arrays, training_labels
from nas.data.formats.cifar import cifar, is_cifar
from nas.data.formats.hub import FORM, PREFIX
from nas.data.formats.registry import is_encoded
from nas.data.split import EvaluationData, SearchData, Split, training_and_minival
from nas.errors import UserError

DEFAULT_SIZE = 64  # of images that have none in common


FORMS = (
    "digits, shapes[:classes=..,size=..,n=..], a folder of class folders, Parquet files or "
    f"WebDataset .tar shards, CIFAR's archive, a .npz file, or {FORM}"
)


def absolute_data(spec: str) -> str:
    """The same data, named so that it is found from any folder."""
    if spec == "digits" or spec.partition(":")[0] == "shapes":
        return spec
    if spec.startswith(PREFIX):
        name, comma, options = spec.removeprefix(PREFIX).partition(",")
        name = str(Path(name).resolve()) if name and Path(name).exists() else name
        return f"{PREFIX}{name}{comma}{options}"
    return str(Path(spec).resolve())


def load_search_data(spec: str, image_size: int | None = None) -> SearchData:
    """The training set and the minival of ``spec`` at ``image_size`` pixels, or at its own size.

    Encoded images are decoded once, into the cache: at 64 pixels, unless a size is asked for.

    Raises:
        UserError: a ``spec`` of none of the :data:`FORMS`, or data that cannot be used.
    """
    with _readable(spec):
        if is_in_memory(spec):
            return search_data_in_memory(spec, image_size)
        return cached_search_data(spec, absolute_data(spec), image_size or DEFAULT_SIZE)


# What ``nas train`` reads: the same training set, and the same minival for early stopping.
load_training_data = load_search_data


def load_test_data(
    spec: str, image_size: int | None = None, class_names: tuple[str, ...] = ()
) -> EvaluationData:
    """The test split of ``spec``, which neither a search nor a training reads.

    ``class_names`` are the training set's, by label. Without them they are read from the training
    set, but none of its images.

    Raises:
        UserError: as :func:`load_search_data`, or ``spec`` has no test split.
    """
    with _readable(spec):
        if is_in_memory(spec):
            return evaluation_data_in_memory(spec, image_size, class_names)
        size = image_size or DEFAULT_SIZE
        return cached_evaluation_data(spec, absolute_data(spec), size, class_names)


@contextmanager
def _readable(spec: str) -> Iterator[None]:
    """Refuses what is no data, also where the file system will not say."""
    try:
        if not is_in_memory(spec) and not is_encoded(spec):
            raise UserError(f"--data: got {spec!r}, must be {FORMS}")
        yield
    except OSError as error:  # no permission, or a name that is too long
        reason = error.strerror or error
        raise UserError(f"--data: got {spec!r}, must be {FORMS} ({reason})") from error


ARRAYS = ".npz"


def is_in_memory(spec: str) -> bool:
    """Whether ``spec`` is one of these."""
    if spec == "digits" or _is_shapes(spec):
        return True
    return Path(spec).suffix == ARRAYS or is_cifar(Path(spec))


def search_data_in_memory(spec: str, image_size: int | None) -> SearchData:
    """Its training set and minival; UserError if there is something wrong with it."""
    if spec == "digits":
        size = image_size or digits.SIZE
        parts = (digits.digits("train", size), digits.digits("minival", size))
        return SearchData(spec, digits.CLASSES, *parts, class_names=_numbers(digits.CLASSES))
    if _is_shapes(spec):
        options = _shapes_options(spec)
        made = _shapes(spec, options, "train", options["n"], image_size)
        minival = _shapes(spec, options, "minival", shapes.MINIVAL_COUNT, image_size)
        names = _numbers(options["classes"])
        return SearchData(spec, len(names), made, minival, class_names=names)
    if is_cifar(Path(spec)):
        return _held_out(spec, *cifar(Path(spec), "train", image_size))
    split = training_arrays(Path(spec), image_size)
    labels, places = np.unique(split.labels, return_inverse=True)
    names = tuple(map(str, labels.tolist()))
    return _held_out(spec, Split(split.pixels, places.astype(np.int64)), names)


def evaluation_data_in_memory(
    spec: str, image_size: int | None, class_names: tuple[str, ...]
) -> EvaluationData:
    """Its test split; UserError if it has none, or one of other classes."""
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
    known = _numbered(spec, class_names) if class_names else training_labels(Path(spec))
    places = np.searchsorted(known, test.labels).clip(max=max(0, len(known) - 1))
    if not len(known) or (known[places] != test.labels).any():
        raise UserError(
            f"--data: {spec}: got test labels beyond the training set's {len(known)} classes"
        )
    return EvaluationData(spec, len(known), Split(test.pixels, places.astype(np.int64)))


def _held_out(name: str, split: Split, class_names: tuple[str, ...]) -> SearchData:
    kept, held = training_and_minival(split.labels)
    parts = (split.take(kept), split.take(held))
    return SearchData(name, len(class_names), *parts, class_names=class_names)


def _numbered(spec: str, class_names: tuple[str, ...]) -> NDArray[np.int64]:
    """The labels that these names are."""
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
                f"--data: got {part!r} in {spec!r}, must be classes=, size= or n= and a number"
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
        raise UserError(f"--data: {spec!r}: got more than fits into memory ({error})") from error
