"""Images from a folder with one subfolder per class."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from nas.data.formats.base import Listing, Source, fingerprint, in_chunks, split_of_folder
from nas.data.formats.files import (
    display,
    has_image,
    image_files,
    is_hidden,
    read_file,
    subfolders,
    summary,
)
from nas.errors import UserError

_ARCHIVES = (".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".7z", ".rar")


def training_folder(root: Path) -> Source:
    """Return the training images: those in ``root``/class, or in ``root``/train/class.

    Raises:
        UserError: there are fewer than two classes, or a folder looks like a split, not a class.
    """
    top, root = root, _training_root(root)
    passed_over: Counter[str] = Counter()
    files = _files_by_class(root, passed_over)
    for folder, images in files.items():
        _check_class(folder, images, may_be_called_a_split=root != top)
    if len(files) < 2:
        raise UserError(
            f"--data: got {display(root)} with {len(files)} folders of images, "
            f"must have two or more, one per class{_archives_hint(root)}"
        )
    return _source(root, files, passed_over)


def _archives_hint(root: Path) -> str:
    found = sorted(path.name for path in root.iterdir() if path.name.lower().endswith(_ARCHIVES))
    return f"; {display(found[0])} must be unpacked first" if found else ""


def validation_folder(root: Path) -> Source | None:
    """Return the validation images, those in ``root``/val/class; None if there are none."""
    for candidate in _validation_roots(root):
        passed_over: Counter[str] = Counter()
        if files := _files_by_class(candidate, passed_over):
            return _source(candidate, files, passed_over)
    return None


def unlabelled_validation(root: Path) -> str:
    """Return the name of a validation folder without class folders, and that; else nothing."""
    roots = _validation_roots(root)
    if not roots or any(map(_has_folder_of_images, roots)) or not any(map(has_image, roots)):
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
    passed_over: Counter[str] = Counter()
    files = _files_by_class(root, passed_over) if root.is_dir() else {}
    if not files:
        found = "without folders of images" if root.is_dir() else "no such folder"
        raise UserError(f"--data: got {root}, {found}, must have one folder of images per class")
    return _source(root, files, passed_over)


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
    return [folder for folder in subfolders(root) if split_of_folder(folder.name) == split]


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


def _source(root: Path, files: dict[Path, list[Path]], passed_over: Counter[str]) -> Source:
    images = [file for class_files in files.values() for file in class_files]
    note = summary(passed_over)
    return Source(fingerprint(root, images), partial(_listing, files, note), display(root.name))


def _listing(files: dict[Path, list[Path]], note: str, class_names: tuple[str, ...]) -> Listing:
    """List the images, labelled by the class names, by default by the folders' own.

    Raises:
        UserError: a folder is not among the class names.
    """
    names = [display(folder.name) for folder in files]
    class_names = class_names or tuple(names)
    numbers = {name: i for i, name in enumerate(class_names)}
    for name, folder in zip(names, files, strict=True):
        if name not in numbers:
            raise UserError(
                f"--data: got {display(folder)}, must be one of the training set's "
                f"{len(class_names)} classes"
            )
    images = [file for class_files in files.values() for file in class_files]
    labels = np.repeat([numbers[name] for name in names], [*map(len, files.values())])
    return Listing(
        labels.astype(np.int64),
        class_names,
        name=lambda position: display(images[position]),
        chunks=lambda: in_chunks((i, partial(read_file, file)) for i, file in enumerate(images)),
        notes=(note,) if note else (),
        reader=lambda position: partial(read_file, images[position]),
    )


def _files_by_class(root: Path, passed_over: Counter[str]) -> dict[Path, list[Path]]:
    """Return the images of every class folder, with classes and images sorted by name.

    A folder beside the classes that is named like a split and has class folders is left out. What
    is no image is counted in ``passed_over``, by reason.
    """
    files: dict[Path, list[Path]] = {}
    with os.scandir(root) as entries:
        passed_over["hidden or of the system"] += sum(is_hidden(e.name) for e in entries)
    for folder in subfolders(root):
        if split_of_folder(folder.name) is not None and _has_folder_of_images(folder):
            continue
        if images := image_files(folder, passed_over):
            files[folder] = images
        else:
            passed_over[f"class folder without images ({display(folder.name)})"] += 1
    return files


def _has_folder_of_images(root: Path) -> bool:
    return any(map(has_image, subfolders(root)))
