"""Images from a folder with one sub-folder per class."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from nas.data.split import Split
from nas.errors import UserError

DEFAULT_SIZE = 64
FEWEST_PER_CLASS = 5
_HELD_BACK = {"test", "val", "valid", "validation"}
_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm"}


@dataclass(frozen=True)
class FolderImages:
    """A folder's images, its classes by name in the order of their labels, and the unreadable."""

    split: Split
    class_names: tuple[str, ...]
    unreadable: tuple[str, ...]


def training_folder(root: Path, size: int | None) -> FolderImages:
    """Every image of ``root``/class, or of ``root``/train/class, as RGB of size x size pixels.

    An image that cannot be read is left out and named in ``unreadable``.

    Raises:
        UserError: no folder, fewer than two classes, or a class with under five readable images.
    """
    root = root / "train" if (root / "train").is_dir() else root
    class_names = tuple(sorted(d.name for d in root.iterdir() if _is_class(d)))
    if len(class_names) < 2:
        raise UserError(
            f"--data: got {root} with {len(class_names)} folders of images, "
            "must have two or more, one per class"
        )
    files = [(file, i) for i, name in enumerate(class_names) for file in _images(root / name)]
    side = size or DEFAULT_SIZE
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow decodes without holding the GIL.
        decoded = list(pool.map(lambda entry: _decode(entry[0], side), files))
    readable = [i for i, pixels in enumerate(decoded) if pixels is not None]
    unreadable = tuple(str(files[i][0]) for i, pixels in enumerate(decoded) if pixels is None)
    labels = np.array([files[i][1] for i in readable], dtype=np.int64)
    _check_enough(root, class_names, labels, unreadable)
    pixels = np.stack([pixels for pixels in decoded if pixels is not None])
    return FolderImages(Split(pixels, labels), class_names, unreadable)


def _is_class(folder: Path) -> bool:
    """Whether it holds a class's images. A test set beside the classes is none of them."""
    if not folder.is_dir() or not _images(folder):
        return False
    is_held_back = folder.name.lower() in _HELD_BACK and any(d.is_dir() for d in folder.iterdir())
    return not is_held_back


def _images(folder: Path) -> list[Path]:
    return sorted(f for f in folder.rglob("*") if f.suffix.lower() in _SUFFIXES and f.is_file())


def _decode(file: Path, size: int) -> NDArray[np.uint8] | None:
    """The middle square (3, size, size), or None where the file is no whole image."""
    try:
        with Image.open(file) as image:
            image.draft("RGB", (2 * size, 2 * size))  # JPEG: decode no more than is needed
            upright = _rgb(ImageOps.exif_transpose(image))
            fitted = ImageOps.fit(upright, (size, size), Image.Resampling.BICUBIC)
    except Exception:  # foreign bytes: decoders raise whatever they come upon
        return None
    return np.asarray(fitted, dtype=np.uint8).transpose(2, 0, 1)  # (H, W, C) -> (C, H, W)


def _rgb(image: Image.Image) -> Image.Image:
    """Three channels of 8 bits. Pillow by itself clips 16-bit greys at 255, so to white."""
    if image.mode.startswith("I"):
        greys = np.rint(np.asarray(image) / 257).clip(0, 255)
        return Image.fromarray(greys.astype(np.uint8)).convert("RGB")
    if "transparency" in image.info:  # Pillow warns where it goes to RGB at once
        image = image.convert("RGBA")
    return image.convert("RGB")


def _check_enough(
    root: Path,
    class_names: tuple[str, ...],
    labels: NDArray[np.int64],
    unreadable: tuple[str, ...],
) -> None:
    counts = Counter(labels.tolist())
    for i, name in enumerate(class_names):
        if counts[i] < FEWEST_PER_CLASS:
            raise UserError(
                f"--data: {root / name}: got {counts[i]} readable images, must be "
                f"{FEWEST_PER_CLASS} or more ({len(unreadable)} unreadable in all)"
            )
