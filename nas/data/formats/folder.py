"""Images from a folder with one sub-folder per class."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nas.data.formats.base import Listing, Source, fingerprint, in_chunks, split_of_folder
from nas.errors import UserError

FEWEST_PER_CLASS = 5
_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm"}


def training_folder(root: Path) -> Source:
    """The images of ``root``/class, or of ``root``/train/class.

    Raises:
        UserError: fewer than two classes, or a folder that looks like a split and not like a class.
    """
    top, root = root, _training_root(root)
    files = _files_by_class(root)
    for name, images in files.items():
        _check_class(root / name, images, may_be_called_a_split=root != top)
    if len(files) < 2:
        raise UserError(
            f"--data: got {root} with {len(files)} folders of images, "
            "must have two or more, one per class"
        )
    return _source(root, files, tuple(files), FEWEST_PER_CLASS)


def has_classes(root: Path) -> bool:
    """Whether there are folders of images to train on."""
    return _has_folder_of_images(_training_root(root))


def evaluation_folder(root: Path, class_names: tuple[str, ...]) -> Source:
    """The images of ``root``/test/class, or of ``root``/val/class if there are none there.

    Raises:
        UserError: neither is there, or it has a class that the training set has not.
    """
    root = _evaluation_root(root, class_names)
    files = _files_by_class(root) if root.is_dir() else {}
    if not files:
        raise UserError(f"--data: got {root}, must be a folder of class folders")
    unknown = sorted(set(files) - set(class_names))
    if unknown:
        raise UserError(
            f"--data: got {root / unknown[0]}, must be one of the training set's "
            f"{len(class_names)} classes"
        )
    return _source(root, files, class_names, 0)


def _training_root(root: Path) -> Path:
    """Where the classes are: ``root``, or the folder in it that is named for training."""
    found = [folder for folder in _named(root, "train") if _has_folder_of_images(folder)]
    if len(found) > 1:
        raise UserError(
            f"--data: got {root} with the training sets {found[0].name} and {found[1].name}, "
            "must have one"
        )
    return _training_root(found[0]) if found else root


def _evaluation_root(root: Path, class_names: Sequence[str]) -> Path:
    """The first split with folders of the classes: a test set's images may have no labels."""
    named = [folder for split in ("test", "val") for folder in _named(root, split)]
    for folder in named:
        split = split_of_folder(folder.name) or ""
        for place in (folder, *_named(folder, split)):  # seg_test/seg_test/class
            if any((place / name).is_dir() for name in class_names):
                return place
    return named[0] if named else root / "test"


def _named(root: Path, split: str) -> list[Path]:
    """The folders whose names say that they are this split."""
    found = (f for f in root.iterdir() if split_of_folder(f.name) == split and f.is_dir())
    return sorted(found)


def _check_class(folder: Path, images: Sequence[Path], may_be_called_a_split: bool) -> None:
    """Refuses a split beside the classes, and folders of classes in a class's place.

    A class may have its images in one folder below, as Tiny ImageNet's have.
    """
    if split_of_folder(folder.name) and not may_be_called_a_split:
        raise UserError(
            f"--data: got {folder}, images without classes beside the classes, must be a folder "
            "of class folders; or another name if it is a class"
        )
    if any(image.parent == folder for image in images):
        return
    below = sorted({image.relative_to(folder).parts[0] for image in images})
    if len(below) > 1:
        first, second = below[:2]
        raise UserError(
            f"--data: got {folder} with the folders {first} and {second}, must be a class with "
            "its images in it"
        )


def _source(
    root: Path, files: dict[str, list[Path]], class_names: tuple[str, ...], fewest: int
) -> Source:
    images = [file for own in files.values() for file in own]
    numbers = {name: i for i, name in enumerate(class_names)}
    labels = np.repeat([numbers[name] for name in files], [len(own) for own in files.values()])
    listing = Listing(
        labels.astype(np.int64),
        class_names,
        name=lambda position: str(images[position]),
        chunks=lambda: in_chunks((i, file.read_bytes) for i, file in enumerate(images)),
        fewest_per_class=fewest,
    )
    return Source(fingerprint(root, images), lambda: listing, root.name)


def _files_by_class(root: Path) -> dict[str, list[Path]]:
    """The images of every class, classes and images in the order of their names.

    A split beside the classes, with classes of its own, is none of them.
    """
    files: dict[str, list[Path]] = {}
    for folder in sorted(folder for folder in root.iterdir() if folder.is_dir()):
        own = _images(folder)
        is_split = split_of_folder(folder.name) is not None and _has_folder_of_images(folder)
        if own and not is_split:
            files[folder.name] = own
    return files


def _has_folder_of_images(root: Path) -> bool:
    return any(_has_image(folder) for folder in root.iterdir() if folder.is_dir())


def _has_image(folder: Path) -> bool:
    return any(
        Path(name).suffix.lower() in _SUFFIXES for _, _, names in os.walk(folder) for name in names
    )


def _images(folder: Path) -> list[Path]:
    return sorted(
        Path(parent, name)
        for parent, _, names in os.walk(folder)
        for name in names
        if Path(name).suffix.lower() in _SUFFIXES and Path(parent, name).is_file()
    )
