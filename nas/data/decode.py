"""Decode one encoded image into three channels of 8 bits, by rules that hold for its whole set."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

# The raster formats that are meant: Pillow would also start Ghostscript for an EPS file.
FORMATS = ("JPEG", "MPO", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "JPEG2000", "AVIF")
MOST_PIXELS = 2**27  # of an image in memory: 134 million, 400 MB in three channels
GREY = (128, 128, 128)

Crop = Literal["square", "published"]
CROPS: tuple[Crop, ...] = get_args(Crop)
"""The parts of an image that are evaluated: the middle square, or as in google/automl."""

PUBLISHED_MARGIN, SQUEEZED_FROM = 32, 320  # pixels
Image.MAX_IMAGE_PIXELS = None  # the limit above is ours, with a message of its own

Image.init()
_OPENERS = tuple(name for name in FORMATS if name in Image.OPEN)
_ALPHA_MODES = {"RGBA", "LA", "PA", "RGBa", "La"}


class Unusable(ValueError):
    """The image is complete, but cannot be used; the message has the reason in a few words."""


@dataclass(frozen=True)
class Decoding:
    """Rules for all images of a set.

    ``values`` are the least and the greatest value of images with more than 8 bits a channel, or
    with floats, which become 0 and 255; others in between, and values outside are clipped. None if
    the set has no such images. ``background`` is the colour that transparent images are laid on.
    ``crop`` is the part that is taken of an image (:func:`fitted`).
    """

    values: tuple[float, float] | None = None
    background: tuple[int, int, int] = GREY
    crop: Crop = field(default="square", repr=False)  # repr() is in the names of cache entries


def open_image(content: bytes) -> Image.Image:
    """Open an image of one of the :data:`FORMATS`, reading no more than its header.

    Raises:
        Exception: of any type, if the bytes are none.
    """
    return Image.open(io.BytesIO(content), formats=_OPENERS)


def decode(read: Callable[[], bytes], size: int, decoding: Decoding) -> NDArray[np.uint8] | None:
    """Decode an image, cut by the rules and resized bicubically: (3, size, size).

    Returns None if the bytes are not a complete image.

    Raises:
        OSError: the bytes cannot be read, which does not mean that the image is damaged.
        Unusable: the image is too large, holds NaN, or is not of the set's kind.
    """
    content = read()
    try:
        with open_image(content) as image:
            image.draft("RGB", (2 * size, 2 * size))  # JPEG: decode no more than is needed
            _check_size(image)
            upright = to_rgb(ImageOps.exif_transpose(image), decoding)
            image_of_size = fitted(upright, size, decoding.crop)
    except Unusable:
        raise
    except Exception:  # on damaged bytes, decoders raise errors of any type
        return None
    pixels = np.asarray(image_of_size, dtype=np.uint8).transpose(2, 0, 1)  # (H, W, C) -> (C, H, W)
    return np.ascontiguousarray(pixels)


def fitted(image: Image.Image, size: int, crop: Crop) -> Image.Image:
    """Cut the image, and resize it to ``size`` by ``size`` pixels, bicubically with antialiasing.

    ``square`` takes the middle square, the largest there is, for training and for evaluation, so
    that training sees things at no other scale than evaluation. ``published`` is the evaluation of
    EfficientNetV2's public code (google/automl, ``preprocess_for_eval``): below 320 px the middle
    square of size / (size + 32) of the shorter side, rounded down; from 320 px on the whole image,
    squeezed. There, training crops parts of the whole image too, and pixels are interpolated
    bilinearly without antialiasing; this differs here by choice.
    """
    if crop == "square":
        return ImageOps.fit(image, (size, size), Image.Resampling.BICUBIC)
    if size < SQUEEZED_FROM:
        side = max(1, int(size / (size + PUBLISHED_MARGIN) * min(image.size)))
        left, top = ((length - side) // 2 for length in image.size)
        image = image.crop((left, top, left + side, top + side))
    return image.resize((size, size), Image.Resampling.BICUBIC)


def is_wide(image: Image.Image) -> bool:
    """Return whether the image has more than 8 bits a channel, or floats."""
    return image.mode.startswith(("I", "F"))


def wide_values(image: Image.Image) -> NDArray[np.float64]:
    """Return the values (H, W) of a wide image.

    Raises:
        Unusable: the image is too large, or holds NaN or infinite values.
    """
    _check_size(image)
    values = np.asarray(image, dtype=np.float64)
    if not np.isfinite(values).all():
        raise Unusable("holds NaN or infinite values")
    return values


def value_range(low: float, high: float, is_integer: bool) -> tuple[float, float]:
    """Return the range that a set's values are meant in, given the least and greatest ones seen.

    Integers are of 1, 8, 10, 12, 14 or 16 bits, floats from 0 to 1 or from 0 to 255. Values
    outside these, such as Hounsfield units, are mapped from the least to the greatest.
    """
    if is_integer and low >= 0:
        tops = [2.0**bits - 1 for bits in (1, 8, 10, 12, 14, 16)]
    else:
        tops = [] if is_integer else [1.0, 255.0]
    fitting = [top for top in tops if high <= top]
    if low >= 0 and fitting:
        return 0.0, fitting[0]
    return low, high if high > low else low + 1


def to_rgb(image: Image.Image, decoding: Decoding) -> Image.Image:
    """Convert to three channels of 8 bits.

    Raises:
        Unusable: a wide image is too large, holds NaN, or has no range of values.
    """
    if is_wide(image):
        if decoding.values is None:
            raise Unusable("more than 8 bits a channel, unlike the sample that was looked at")
        return Image.fromarray(_scaled(wide_values(image), *decoding.values)).convert("RGB")
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (*decoding.background, 255))
        return Image.alpha_composite(ground, layer).convert("RGB")
    return image.convert("RGB")


def _scaled(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.uint8]:
    share = (values - low) / (high - low)
    scaled: NDArray[np.uint8] = np.rint(255 * share.clip(0, 1)).astype(np.uint8)
    return scaled


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise Unusable(f"{width} x {height} pixels, over {MOST_PIXELS:,}")


def parse_background(text: str) -> tuple[int, int, int]:
    """Return the colour of a name such as ``white`` or of ``#rrggbb``.

    Raises:
        ValueError: the text names none; the message is one line.
    """
    from PIL import ImageColor

    named = "#808080" if text in ("grey", "gray") else text
    try:
        red, green, blue, *_ = ImageColor.getrgb(named)
    except ValueError as error:
        raise ValueError(
            f"got {text!r}, must be grey, white, black, another colour's name, or #rrggbb"
        ) from error
    return red, green, blue


def format_value(value: float) -> str:
    """Return a value of a range for people: 0, 65,535 or 0.25."""
    return f"{value:,.0f}" if math.isclose(value, round(value)) else f"{value:.4g}"
