"""One encoded image brought to the form that training reads."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

VERSION = 1  # goes up when the same file would give other pixels


def decode(read: Callable[[], bytes], size: int) -> NDArray[np.uint8] | None:
    """The middle square, bicubic, (3, size, size); None where what is read is no whole image.

    Raises:
        OSError: it cannot be read, which says nothing of the image.
    """
    content = read()
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.draft("RGB", (2 * size, 2 * size))  # JPEG: decode no more than is needed
            upright = _rgb(ImageOps.exif_transpose(image))
            fitted = ImageOps.fit(upright, (size, size), Image.Resampling.BICUBIC)
    except Exception:  # foreign bytes: decoders raise whatever they come upon
        return None
    pixels = np.asarray(fitted, dtype=np.uint8).transpose(2, 0, 1)  # (H, W, C) -> (C, H, W)
    return np.ascontiguousarray(pixels)


def _rgb(image: Image.Image) -> Image.Image:
    """Three channels of 8 bits. Pillow by itself clips 16-bit greys at 255, so to white."""
    if image.mode.startswith("I"):
        greys = np.rint(np.asarray(image) / 257).clip(0, 255)
        return Image.fromarray(greys.astype(np.uint8)).convert("RGB")
    if "transparency" in image.info:  # Pillow warns where it goes to RGB at once
        image = image.convert("RGBA")
    return image.convert("RGB")
