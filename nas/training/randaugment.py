"""RandAugment: each image of a batch is distorted by two random operations (arXiv 1909.13719)."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import torch
from torch import Tensor

from nas.training.distortions import Distortions, Operation

OPERATIONS = 2  # an image, one after the other; EfficientNetV2's published code
NAMES = (
    *("autocontrast", "equalize", "invert", "rotate", "posterize", "solarize", "solarize_add"),
    *("color", "contrast", "brightness", "sharpness", "shear_x", "shear_y"),
    *("translate_x", "translate_y", "cutout"),
)
_SIGNED = {"rotate", "shear_x", "shear_y", "translate_x", "translate_y"}
_KEPT = 16  # sizes and magnitudes whose operations are kept prepared; a training has few


def randaugment(pixels: Tensor, magnitude: float) -> Tensor:
    """Distort uint8 images (N, C, H, W) of H = W, each by two operations of its own.

    An image's operations are drawn with replacement, and their signs with them, by torch's global
    generator of the CPU, since the host has to know them (:class:`Distortions`). Magnitudes are
    from 0 to 30. Images of other than three channels have no ``color`` among their operations.
    """
    n, channels, size, _ = pixels.shape
    distortions, count = _prepared(magnitude, channels, size, pixels.device)
    return distortions(pixels, torch.randint(count, (OPERATIONS, n)).numpy())


@lru_cache(_KEPT)
def _prepared(
    magnitude: float, channels: int, size: int, device: torch.device
) -> tuple[Distortions, int]:
    """Return the operations for such images, and their number."""
    drawn = operations(magnitude, channels)
    return Distortions(drawn, channels, size, device), len(drawn)


def operations(magnitude: float, channels: int) -> list[Operation]:
    """Return each operation twice, with either sign; those without a sign are the same twice."""
    names = [name for name in NAMES if name != "color" or channels == 3]
    plus = [Operation(name, strength(name, magnitude)) for name in names]
    return [*plus, *(mirrored(operation) for operation in plus)]


def mirrored(operation: Operation) -> Operation:
    """Return the operation with the other sign; the same if it has none."""
    if operation.name in _SIGNED:
        return replace(operation, value=-operation.value)
    return operation


def strength(name: str, level: float) -> float:
    """Return an operation's value at a level of 0 to 30, as in EfficientNetV2's published code.

    That code shifts by 100 pixels and cuts out 40 to each side at level 10, whatever the size of
    the image. Here these are shares of its side, with the same pixels at 300 px. The published
    ``solarize`` and ``posterize`` are weaker at higher levels: they change nothing from level 10
    and from level 20 on.
    """
    share = level / 10
    values = {
        "rotate": share * 30,
        "shear_x": share * 0.3,
        "shear_y": share * 0.3,
        "translate_x": share * 100 / 300,
        "translate_y": share * 100 / 300,
        "cutout": int(share * 40) / 300,
        "posterize": int(share * 4),
        "solarize": int(share * 256),
        "solarize_add": int(share * 110),
        "color": share * 1.8 + 0.1,
        "contrast": share * 1.8 + 0.1,
        "brightness": share * 1.8 + 0.1,
        "sharpness": share * 1.8 + 0.1,
    }
    return values.get(name, 0.0)
