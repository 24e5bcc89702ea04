"""Images from a .npz file of NumPy arrays."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.data.images import square
from nas.data.split import Split
from nas.errors import UserError

# Names of the arrays in files of MedMNIST and of Keras, and the plain ones.
_NAMES = (("train_images", "train_labels"), ("x_train", "y_train"), ("images", "labels"))
_VALIDATION_NAMES = (("val_images", "val_labels"), ("x_val", "y_val"))
_TEST_NAMES = (("test_images", "test_labels"), ("x_test", "y_test"))
_CLASS_NAMES = "class_names"


def training_arrays(path: Path, size: int | None) -> Split:
    """Return the file's training images, square, at ``size`` pixels or at their own size.

    The file holds images (N, H, W), (N, H, W, 1) or (N, H, W, 3), as uint8 or as floats from 0 to
    1, and one whole number an image as labels, also one-hot (N, K). Its test images are not read.

    Raises:
        UserError: the file or the arrays are missing, or the arrays have another form.
    """
    return _arrays(path, _NAMES, size)


def validation_arrays(path: Path, size: int | None) -> Split | None:
    """Return the file's validation images in the same form; None if it has none.

    Raises:
        UserError: as :func:`training_arrays`.
    """
    return _arrays_if_there(path, _VALIDATION_NAMES, size)


def evaluation_arrays(path: Path, size: int | None) -> Split | None:
    """Return the file's test images in the same form; None if it has none.

    Raises:
        UserError: as :func:`training_arrays`.
    """
    return _arrays_if_there(path, _TEST_NAMES, size)


def training_labels(path: Path) -> NDArray[np.int64]:
    """Return the distinct labels of the training images, in ascending order."""
    with _opened(path) as arrays:
        names = [labels for _, labels in _NAMES if labels in arrays]
        return np.unique(_whole(path, arrays[names[0]])) if names else np.empty(0, np.int64)


def stored_class_names(path: Path) -> tuple[str, ...]:
    """Return the names in the array ``class_names``, by label from 0; none if there is none.

    Raises:
        UserError: the array is not a list of different names.
    """
    with _opened(path) as arrays:
        if _CLASS_NAMES not in arrays:
            return ()
        stored = arrays[_CLASS_NAMES]
    try:
        texts = np.char.decode(stored, "utf-8") if stored.dtype.kind == "S" else stored
        names = tuple(np.char.strip(texts.astype(np.str_)).reshape(-1).tolist())
    except (UnicodeDecodeError, TypeError, ValueError):
        names = ()
    if stored.ndim != 1 or not names or not all(names) or len(set(names)) < len(names):
        raise UserError(
            f"--data: {path}: got {_CLASS_NAMES} of shape {stored.shape}, must be a list of "
            "different names, one for each label from 0"
        )
    return names


def has_evaluation_arrays(path: Path, is_validation: bool) -> bool:
    """Return whether the file has validation images, or test images; none is unpacked.

    Raises:
        UserError: the file is missing or damaged.
    """
    return _has(path, _VALIDATION_NAMES if is_validation else _TEST_NAMES)


def _arrays_if_there(
    path: Path, names: tuple[tuple[str, str], ...], size: int | None
) -> Split | None:
    return _arrays(path, names, size) if _has(path, names) else None


def _has(path: Path, names: tuple[tuple[str, str], ...]) -> bool:
    with _opened(path) as arrays:
        return any(images in arrays and labels in arrays for images, labels in names)


def _arrays(path: Path, names: tuple[tuple[str, str], ...], size: int | None) -> Split:
    with _opened(path) as arrays:
        images, labels = _find(path, arrays, names)
    return _checked(path, images, labels, size)


@contextmanager
def _opened(path: Path) -> Iterator[Mapping[str, NDArray[Any]]]:
    try:
        with path.open("rb") as file, np.lib.npyio.NpzFile(file, allow_pickle=False) as arrays:
            _check_memory(path, arrays.zip)
            yield arrays
    except MemoryError as error:
        raise UserError(f"--data: got {path}, which does not fit into memory ({error})") from error
    except UserError:
        raise
    except Exception as error:  # of any type, depending on which bytes are damaged
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"--data: got {path}, must be a readable .npz file ({reason})") from error


def _check_memory(path: Path, archive: zipfile.ZipFile | None) -> None:
    """Refuse an archive whose unpacked arrays take more than the machine's memory."""
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    needed_bytes = sum(member.file_size for member in archive.infolist()) if archive else 0
    if needed_bytes > memory_bytes:
        raise UserError(
            f"--data: got {path} of {needed_bytes:,} bytes when unpacked, must fit into this "
            f"machine's memory of {memory_bytes:,}"
        )


def _whole(path: Path, labels: NDArray[np.generic]) -> NDArray[np.int64]:
    """Return labels of any accepted form as (N,): whole numbers, also as floats, or one-hot rows.

    Raises:
        UserError: they have another form.
    """
    is_number = labels.dtype.kind in "iubf" and np.isfinite(labels).all()
    values = labels.astype(np.int64) if is_number else None
    if values is None or not (values == labels).all():
        raise UserError(
            f"--data: {path}: got labels of type {labels.dtype}, must be one whole number per "
            "image; names belong into the array class_names"
        )
    is_one_hot = values.ndim == 2 and values.shape[1] > 1
    if is_one_hot and (values >= 0).all() and (values.sum(1) == 1).all():
        values = values.argmax(1)
    numbers: NDArray[np.int64] = values.reshape(-1)
    return numbers


def _checked(
    path: Path, images: NDArray[np.generic], labels: NDArray[np.generic], size: int | None
) -> Split:
    pixels = _to_pixels(path, images)
    numbers = _whole(path, labels)
    if len(pixels) != len(numbers) or not len(numbers):
        raise UserError(
            f"--data: {path}: got {len(pixels)} images and {len(numbers)} labels, must be one "
            "whole number per image, for one or more images"
        )
    return Split(square(pixels, size or min(pixels.shape[2:])), numbers)


def _find(
    path: Path, arrays: Mapping[str, NDArray[np.generic]], known: tuple[tuple[str, str], ...]
) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    for images, labels in known:
        if images in arrays and labels in arrays:
            return arrays[images], arrays[labels]
    names = " or ".join(" + ".join(pair) for pair in known)
    raise UserError(f"--data: {path}: got arrays {sorted(arrays)}, must contain {names}")


def _to_pixels(path: Path, images: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Convert images of any accepted form to (N, C, H, W)."""
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[3] not in (1, 3) or not min(images.shape[1:]):
        raise UserError(
            f"--data: {path}: got images of shape {images.shape}, must be (N, H, W), (N, H, W, 1) "
            "or (N, H, W, 3)"
        )
    if np.issubdtype(images.dtype, np.floating):
        floats = images.astype(np.float32)
        if not ((floats >= 0) & (floats <= 1)).all():  # also refuses NaN
            raise UserError(
                f"--data: {path}: got floats outside 0 to 1, must be floats from 0 to 1, or uint8"
            )
        images = np.rint(floats * 255).astype(np.uint8)
    if images.dtype != np.uint8:
        raise UserError(
            f"--data: {path}: got images of type {images.dtype}, must be uint8, "
            "or floats from 0 to 1"
        )
    pixels: NDArray[np.uint8] = images.transpose(0, 3, 1, 2)  # type: ignore[assignment]
    return pixels
