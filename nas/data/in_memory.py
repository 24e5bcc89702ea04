"""Data sets that are kept in memory, as they are small or generated.

They are digits, shapes, CIFAR's archives, and .npz files.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from nas.data.class_names import of_known_classes, relabelled
from nas.data.formats import digits, shapes
from nas.data.formats.arrays import (
    evaluation_arrays,
    has_evaluation_arrays,
    stored_class_names,
    training_arrays,
    training_labels,
    validation_arrays,
)
from nas.data.formats.cifar import cifar, is_cifar
from nas.data.split import EvaluationSplit, Split
from nas.errors import UserError

ARRAYS = ".npz"
SplitName = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class NamedSplit:
    """Images with labels that are numbers of ``class_names``; ``name`` is that of the split."""

    images: Split
    class_names: tuple[str, ...]
    name: str

    def labelled(self, class_names: tuple[str, ...], spec: str) -> Split:
        """Return the images of ``spec`` with labels that are numbers of these class names.

        Raises:
            UserError: an image has a class that is none of them.
        """
        labels = relabelled(self.images.labels, self.class_names, class_names, spec)
        return Split(self.images.pixels, labels)


def of_classes(found: NamedSplit, class_names: tuple[str, ...]) -> NamedSplit:
    """Return the split without the images of classes that are none of these."""
    known = of_known_classes(found.images.labels, found.class_names, class_names)
    return NamedSplit(found.images.take(known), found.class_names, found.name)


def is_in_memory(spec: str) -> bool:
    """Return whether the images of ``spec`` are kept in memory."""
    if spec == "digits" or is_shapes(spec):
        return True
    return Path(spec).suffix == ARRAYS or is_cifar(Path(spec))


def split_in_memory(spec: str, split: SplitName, image_size: int | None) -> NamedSplit | None:
    """Return a split of ``spec`` at ``image_size`` pixels, by default the images' own size.

    None stands for a split that the data does not have; all have a training split.

    Raises:
        UserError: the data cannot be used.
    """
    if is_shapes(spec):
        return _shapes_split(spec, split, image_size)
    if Path(spec).suffix == ARRAYS:
        return _arrays_split(Path(spec), split, image_size)
    if split == "validation":  # neither digits nor CIFAR has one
        return None
    if spec == "digits":
        images = digits.digits(split, image_size or digits.SIZE)
        return NamedSplit(images, _numbers(digits.CLASSES), split)
    return NamedSplit(*cifar(Path(spec), split, image_size), split)


def has_split(spec: str, split: EvaluationSplit) -> bool:
    """Return whether ``spec`` has a split to evaluate on; digits and CIFAR have test only.

    Raises:
        UserError: the data cannot be used.
    """
    if Path(spec).suffix == ARRAYS:
        return has_evaluation_arrays(Path(spec), is_validation=split == "validation")
    return split != "validation" or is_shapes(spec)


def training_names(spec: str) -> tuple[str, ...]:
    """Return the class names of the training set of a .npz file; none for other data."""
    path = Path(spec)
    if path.suffix != ARRAYS:
        return ()
    return stored_class_names(path) or tuple(map(str, training_labels(path).tolist()))


def _arrays_split(path: Path, split: SplitName, image_size: int | None) -> NamedSplit | None:
    readers = {
        "train": training_arrays, "validation": validation_arrays, "test": evaluation_arrays,
    }  # fmt: skip
    images = readers[split](path, image_size)
    if images is None:
        return None
    name = "validation arrays" if split == "validation" else split
    stored = stored_class_names(path)
    if not stored:
        labels, numbers = np.unique(images.labels, return_inverse=True)
        images = Split(images.pixels, numbers.astype(np.int64))
        return NamedSplit(images, tuple(map(str, labels.tolist())), name)
    if not 0 <= images.labels.min() <= images.labels.max() < len(stored):
        raise UserError(
            f"--data: {path}: got labels from {images.labels.min()} to {images.labels.max()}, "
            f"must be from 0 to {len(stored) - 1}, as class_names has {len(stored)} names"
        )
    return NamedSplit(images, stored, name)


def _shapes_split(spec: str, split: SplitName, image_size: int | None) -> NamedSplit:
    options = _shapes_options(spec)
    part, count, name = {
        "train": ("train", options["n"], "train"),
        "validation": ("minival", shapes.MINIVAL_COUNT, "images drawn for it"),
        "test": ("test", shapes.TEST_COUNT, "test"),
    }[split]
    images = _shapes(spec, options, part, count, image_size)
    return NamedSplit(images, _numbers(options["classes"]), name)


def _numbers(count: int) -> tuple[str, ...]:
    return tuple(map(str, range(count)))


def is_shapes(spec: str) -> bool:
    """Return whether ``spec`` names the generated shapes."""
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
