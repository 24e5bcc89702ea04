"""RandAugment in batches, with kornia's operations."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from kornia.augmentation.auto import RandAugment

OPERATIONS = 2  # one after the other; EfficientNetV2's published code
LARGEST_MAGNITUDE = 29.99  # kornia takes less than 30
POLICIES_A_BATCH = 16

# By kornia's names, what each reaches at magnitudes 0 and 30. Rotations, shears, shifts and colours
# are as strong as in EfficientNetV2's published code at the same magnitude, where 10 is a rotation
# by 30 degrees, a shear by 0.3, a shift by 100 of some 300 pixels and a factor of 1.9. Kornia's
# contrast multiplies all of an image, so it and brightness stay where the image can be seen. That
# code posterizes and solarizes less at larger magnitudes; here kornia's own ranges hold.
_POLICY: list[list[tuple[str, float, float]]] = [
    [("auto_contrast", 0, 1)],
    [("equalize", 0, 1)],
    [("invert", 0, 1)],
    [("rotate", -90, 90)],
    [("posterize", 4, 8)],
    [("solarize", 0, 1)],
    [("solarize_add", 0, 0.5)],
    [("color", 0.1, 5.5)],
    [("sharpness", 0.1, 5.5)],
    [("contrast", 0.8, 2)],
    [("brightness", 0.8, 2)],
    [("shear_x", -0.27, 0.27)],
    [("shear_y", -0.27, 0.27)],
    [("translate_x", -1, 1)],
    [("translate_y", -1, 1)],
]


def randaugment(images: Tensor, magnitude: float) -> Tensor:
    """Images (N, C, H, W) from 0 to 1, distorted by two random operations (arXiv 1909.13719).

    Kornia draws the operations once for all images of a call and their signs for each. A call for
    every image takes 3.7 ms (32 px, one core), 28 times a whole batch's time for each image; so a
    batch is divided into up to 16 parts, which cost 4 times as much as one.
    """
    policy = _policy(min(magnitude, LARGEST_MAGNITUDE), images.shape[1])
    parts = images.split(-(-len(images) // POLICIES_A_BATCH))  # type: ignore[no-untyped-call]
    return torch.cat([policy(part) for part in parts]).clamp_(0, 1)


@cache
def _policy(magnitude: float, channels: int) -> RandAugment:
    from kornia.augmentation.auto import RandAugment  # 1.2 s, which few trainings need

    policy = [step for step in _POLICY if channels == 3 or step[0][0] != "color"]
    return RandAugment(OPERATIONS, magnitude, policy, transformation_matrix_mode="skip")  # type: ignore[arg-type]
