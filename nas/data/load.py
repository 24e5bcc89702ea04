"""``--data``: from what the user typed to the images that a search reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nas.data import digits, shapes
from nas.data.arrays import training_arrays
from nas.data.folder import training_folder
from nas.data.split import EvaluationData, SearchData, Split, hold_out, minival_count
from nas.errors import UserError

FORMS = "digits, shapes[:classes=..,size=..,n=..], a folder of class folders, or a .npz file"


def absolute(spec: str) -> str:
    """The same data, named so that it is found from any folder."""
    is_path = spec != "digits" and spec.partition(":")[0] != "shapes"
    return str(Path(spec).resolve()) if is_path else spec


def load_search_data(spec: str, image_size: int | None = None) -> SearchData:
    """The training set and the minival of ``spec`` at ``image_size`` pixels, or at its own size.

    Raises:
        UserError: a ``spec`` of none of the :data:`FORMS`, or data that cannot be used.
    """
    if spec == "digits":
        size = image_size or digits.SIZE
        parts = (digits.digits("train", size), digits.digits("minival", size))
        return SearchData(spec, digits.CLASSES, *parts)
    if spec == "shapes" or spec.startswith("shapes:"):
        return _shapes(spec, image_size)
    path = Path(spec)
    try:
        if path.is_dir():
            images = training_folder(path, image_size)
            return _held_out(spec, images.split, len(images.class_names), images.unreadable)
    except OSError as error:  # no permission, or a name that is too long
        raise UserError(f"--data: got {spec!r}, must be {FORMS} ({error.strerror})") from error
    if path.suffix == ".npz":
        split = training_arrays(path, image_size)
        labels, places = np.unique(split.labels, return_inverse=True)
        if len(labels) < 2:
            raise UserError(f"--data: {path}: got labels of {len(labels)} class, must be 2 or more")
        return _held_out(spec, Split(split.pixels, places.astype(np.int64)), len(labels), ())
    raise UserError(f"--data: got {spec!r}, must be {FORMS}")


# What ``nas train`` reads: the same training set, and the same minival for early stopping.
load_training_data = load_search_data


def load_test_data(
    spec: str, image_size: int | None = None, class_names: tuple[str, ...] = ()
) -> EvaluationData:
    """The test split of ``spec``, which neither a search nor a training reads.

    ``class_names`` are those of the training set, by label; without them they are taken from the
    training set's names, of which no image is read.

    Raises:
        UserError: as :func:`load_search_data`, or ``spec`` has no test split.
    """
    if spec == "digits":
        split = digits.digits("test", image_size or digits.SIZE)
        return EvaluationData(spec, digits.CLASSES, split)
    raise UserError(f"--data: {spec}: has no test split")


def _held_out(name: str, split: Split, classes: int, unreadable: tuple[str, ...]) -> SearchData:
    kept, held = hold_out(split.labels, minival_count(len(split)))
    return SearchData(name, classes, split.take(kept), split.take(held), unreadable)


def _shapes(spec: str, image_size: int | None) -> SearchData:
    options = {"classes": shapes.CLASSES, "size": shapes.SIZE, "n": shapes.TRAIN_COUNT}
    for part in spec.partition(":")[2].split(",") if ":" in spec else ():
        key, _, value = part.partition("=")
        if key not in options or not value.isdecimal():
            raise UserError(
                f"--data: got {part!r} in {spec!r}, must be classes=, size= or n= and a number"
            )
        options[key] = int(value)
    size = image_size or options["size"]
    try:
        training, minival = (
            Split(*shapes.shapes(split, count, size, options["classes"]))
            for split, count in (("train", options["n"]), ("minival", shapes.MINIVAL_COUNT))
        )
    except ValueError as error:
        raise UserError(f"--data: {spec!r}: {error}") from error
    except MemoryError as error:
        raise UserError(f"--data: {spec!r}: got more than fits into memory ({error})") from error
    return SearchData(spec, options["classes"], training, minival)
