"""Images from a folder with one sub-folder per class."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from nas.data.fingerprint import fingerprint
from nas.data.source import Listing, Source, in_chunks
from nas.errors import UserError

FEWEST_PER_CLASS = 5
_VALIDATION = ("val", "valid", "validation")
_HELD_BACK = {"test", *_VALIDATION}
_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm"}


def training_folder(root: Path) -> Source:
    """The images of ``root``/class, or of ``root``/train/class.

    Raises:
        UserError: fewer than two classes.
    """
    root = _training_root(root)
    files = _files_by_class(root)
    if len(files) < 2:
        raise UserError(
            f"--data: got {root} with {len(files)} folders of images, "
            "must have two or more, one per class"
        )
    return _source(root, files, tuple(files), FEWEST_PER_CLASS)


def has_classes(root: Path) -> bool:
    """Whether there are folders of images to train on."""
    root = _training_root(root)
    return any(_has_image(folder) for folder in root.iterdir() if folder.is_dir())


def evaluation_folder(root: Path, class_names: tuple[str, ...]) -> Source:
    """The images of ``root``/test/class, or of ``root``/val/class if there is no test.

    Raises:
        UserError: neither is there, or it has a class that the training set has not.
    """
    names = {folder.name.lower(): folder for folder in root.iterdir() if folder.is_dir()}
    root = next((names[n] for n in ("test", *_VALIDATION) if n in names), root / "test")
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
    return root / "train" if (root / "train").is_dir() else root


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
    return Source(fingerprint(root, images), lambda: listing)


def _files_by_class(root: Path) -> dict[str, list[Path]]:
    """The images of every class, classes and images in the order of their names.

    A test set beside the classes is none of them.
    """
    files: dict[str, list[Path]] = {}
    for folder in sorted(folder for folder in root.iterdir() if folder.is_dir()):
        own = _images(folder)
        is_held_back = folder.name.lower() in _HELD_BACK and any(
            f.is_dir() for f in folder.iterdir()
        )
        if own and not is_held_back:
            files[folder.name] = own
    return files


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
