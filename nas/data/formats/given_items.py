"""One item of a data set that a program gives: its image as bytes, and its label."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from nas.errors import UserError
from search_space.bounds import shown

_WIDE = ("F", "I")  # Pillow's modes that PNG cannot hold


@dataclass(frozen=True)
class Item:
    """An image with its label; ``where`` names it in errors, such as ``train: item 7``."""

    where: str
    image: Any
    label: Any


def encoded(item: Item) -> bytes:
    """Return the image as a file's bytes, without loss; bytes are taken as they are.

    It is Pillow's, or an array or tensor (H, W), (H, W, C) or (C, H, W) with C = 1, 3 or 4, as
    uint8 or as floats from 0 to 1.

    Raises:
        UserError: it is none of these.
    """
    image = item.image
    if isinstance(image, bytes):
        return image
    if not isinstance(image, Image.Image):
        image = _from_array(item, image)
    buffer = io.BytesIO()
    try:
        upright = ImageOps.exif_transpose(image)
        if upright.mode in _WIDE:
            upright.save(buffer, "TIFF")
        else:
            upright = upright if upright.mode != "CMYK" else upright.convert("RGB")
            upright.save(buffer, "PNG", compress_level=1)
    except Exception as error:  # of any type, where a lazily read file is damaged
        raise UserError(
            f"data: {item.where}: got an image that cannot be read ({error})"
        ) from error
    return buffer.getvalue()


def label_of(item: Item, names: list[str] | None) -> Any:
    """Return the label as a number, a name, or a list of numbers.

    Raises:
        UserError: it is none of these, or not among the class names.
    """
    label = item.label
    if isinstance(label, bytes | str):
        return label if isinstance(label, str) else label.decode(errors="replace")
    values = np.asarray(label)
    if values.ndim == 0 and values.dtype.kind in "iub":
        return _within(item, int(values), names)
    if values.ndim == 0 and values.dtype.kind == "f" and float(values).is_integer():
        return _within(item, int(values), names)
    if values.ndim == 1 and values.dtype.kind in "iubf" and np.isin(values, (0, 1)).all():
        found = np.flatnonzero(values).tolist()
        if not found:
            raise UserError(f"data: {item.where}: got no label, must have one or more")
        return [_within(item, number, names) for number in found]
    raise UserError(
        f"data: {item.where}: got the label {shown(label)}, must be a whole number, a name, or a "
        "vector of 0 and 1"
    )


def _within(item: Item, number: int, names: list[str] | None) -> int:
    if names is not None and not 0 <= number < len(names):
        raise UserError(
            f"data: {item.where}: got the label {number}, must be from 0 to {len(names) - 1}, as "
            f"there are {len(names)} class names"
        )
    return number


def _from_array(item: Item, image: Any) -> Image.Image:
    try:
        values: NDArray[Any] = np.asarray(image)
    except Exception as error:
        raise UserError(
            f"data: {item.where}: got a {type(image).__name__}, must be an image"
        ) from error
    if values.ndim == 3 and values.shape[0] in (1, 3, 4) and values.shape[2] not in (1, 3, 4):
        values = values.transpose(1, 2, 0)  # (C, H, W) -> (H, W, C)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    is_image = values.ndim == 2 or (values.ndim == 3 and values.shape[2] in (3, 4))
    if not is_image or not values.size:
        raise UserError(
            f"data: {item.where}: got an image of shape {np.shape(image)}, must be (H, W), "
            "(H, W, C) or (C, H, W) with 1, 3 or 4 channels"
        )
    if values.dtype.kind == "f":
        if not ((values >= 0) & (values <= 1)).all():  # also refuses NaN
            raise UserError(
                f"data: {item.where}: got floats from {values.min():g} to {values.max():g}, must "
                "be from 0 to 1, so without normalisation, or uint8"
            )
        values = np.rint(255 * values.astype(np.float64)).astype(np.uint8)
    if values.dtype != np.uint8:
        raise UserError(
            f"data: {item.where}: got an image of type {values.dtype}, must be uint8, or floats "
            "from 0 to 1"
        )
    return Image.fromarray(np.ascontiguousarray(values))
