"""Images from a folder with one subfolder per class."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from nas.data.formats.base import Listing, Source, fingerprint, in_chunks, split_of_folder
from nas.errors import UserError

FEWEST_PER_CLASS = 5
_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm"}


def training_folder(root: Path) -> Source:
    """Return the training images: those in ``root``/class, or in ``root``/train/class.

    Raises:
        UserError: there are fewer than two classes, or a folder looks like a split, not a class.
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
    return _source(root, files, FEWEST_PER_CLASS)


def validation_folder(root: Path) -> Source | None:
    """Return the validation images, those in ``root``/val/class; None if there are none."""
    for candidate in _validation_roots(root):
        if files := _files_by_class(candidate):
            return _source(candidate, files, 0)
    return None


def unlabelled_validation(root: Path) -> str:
    """Return the name of a validation folder without class folders, and that; else nothing."""
    roots = _validation_roots(root)
    if not roots or any(map(_files_by_class, roots)) or not any(map(_has_image, roots)):
        return ""
    return f"{roots[0].name} has no class folders"


def _validation_roots(root: Path) -> list[Path]:
    """Return the folders that validation images may be in, such as val and val/val."""
    return [inner for folder in _named(root, "val") for inner in (folder, *_named(folder, "val"))]


def has_classes(root: Path) -> bool:
    """Return whether ``root`` has folders of images to train on."""
    return _has_folder_of_images(_training_root(root))


def evaluation_folder(root: Path, class_names: tuple[str, ...]) -> Source:
    """Return the test images: those in ``root``/test/class, else those in ``root``/val/class.

    Raises:
        UserError: there are none, or there is a class that is not among ``class_names``.
    """
    root = _evaluation_root(root, class_names)
    files = _files_by_class(root) if root.is_dir() else {}
    if not files:
        raise UserError(
            f"--data: got {root}, must be an existing folder with one folder of images per class"
        )
    return _source(root, files, 0)


def _training_root(root: Path) -> Path:
    """Return the folder of the classes: ``root``, or the training split in it."""
    found = [folder for folder in _named(root, "train") if _has_folder_of_images(folder)]
    if len(found) > 1:
        raise UserError(
            f"--data: got {root} with the training sets {found[0].name} and {found[1].name}, "
            "must have only one"
        )
    return _training_root(found[0]) if found else root


def _evaluation_root(root: Path, class_names: Sequence[str]) -> Path:
    """Return the folder of the test split, or of the validation split if only that has classes.

    The images of a test split may lie there without class folders, as they have no labels.
    """
    named = [folder for split in ("test", "val") for folder in _named(root, split)]
    for folder in named:
        split = split_of_folder(folder.name) or ""
        for candidate in (folder, *_named(folder, split)):  # seg_test/seg_test/class
            if any((candidate / name).is_dir() for name in class_names):
                return candidate
    return named[0] if named else root / "test"


def _named(root: Path, split: str) -> list[Path]:
    """Return the folders in ``root`` that are named like this split."""
    folders = (folder for folder in root.iterdir() if split_of_folder(folder.name) == split)
    return sorted(folder for folder in folders if folder.is_dir())


def _check_class(folder: Path, images: Sequence[Path], may_be_called_a_split: bool) -> None:
    """Refuse a folder that is a split, or that holds several classes, in the place of a class.

    The images of a class may lie in one subfolder, as in Tiny ImageNet.
    """
    if split_of_folder(folder.name) and not may_be_called_a_split:
        raise UserError(
            f"--data: got {folder}, which is named like a split but has no class folders, must "
            "have class folders, or be renamed if it is a class"
        )
    if any(image.parent == folder for image in images):
        return
    subfolders = sorted({image.relative_to(folder).parts[0] for image in images})
    if len(subfolders) > 1:
        first, second = subfolders[:2]
        raise UserError(
            f"--data: got {folder} with the folders {first} and {second}, must be a class folder "
            "with its images directly in it, or in one subfolder"
        )


def _source(root: Path, files: dict[str, list[Path]], fewest: int) -> Source:
    images = [file for class_files in files.values() for file in class_files]
    return Source(fingerprint(root, images), partial(_listing, root, files, fewest), root.name)


def _listing(
    root: Path, files: dict[str, list[Path]], fewest: int, class_names: tuple[str, ...]
) -> Listing:
    """List the images, labelled by the class names, by default by the folders' own.

    Raises:
        UserError: a folder is not among the class names.
    """
    class_names = class_names or tuple(files)
    numbers = {name: i for i, name in enumerate(class_names)}
    unknown = sorted(set(files) - set(class_names))
    if unknown:
        raise UserError(
            f"--data: got {root / unknown[0]}, must be one of the training set's "
            f"{len(class_names)} classes"
        )
    images = [file for class_files in files.values() for file in class_files]
    labels = np.repeat([numbers[name] for name in files], [*map(len, files.values())])
    return Listing(
        labels.astype(np.int64),
        class_names,
        name=lambda position: str(images[position]),
        chunks=lambda: in_chunks((i, file.read_bytes) for i, file in enumerate(images)),
        fewest_per_class=fewest,
    )


def _files_by_class(root: Path) -> dict[str, list[Path]]:
    """Return the images of every class, with classes and images sorted by name.

    A folder beside the classes that is named like a split and has class folders is left out.
    """
    files: dict[str, list[Path]] = {}
    for folder in sorted(folder for folder in root.iterdir() if folder.is_dir()):
        images = _images(folder)
        is_split = split_of_folder(folder.name) is not None and _has_folder_of_images(folder)
        if images and not is_split:
            files[folder.name] = images
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
