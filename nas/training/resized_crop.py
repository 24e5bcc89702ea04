"""Random crops of images, at a training size."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from nas.data.images import resized

ASPECTS = (3 / 4, 4 / 3)


def resized_crop(images: Tensor, size: int, least_area: float) -> Tensor:
    """A random part of each image of (N, C, H, W), at ``size`` by ``size`` pixels.

    The part has ``least_area`` to 1 of the image's area and an aspect from 3:4 to 4:3, and lies
    within the image (arXiv 1409.4842, section 6). Images much larger than ``size`` are shrunk
    first, with antialiasing, since the crop itself samples between four pixels.
    """
    if images.shape[-1] > 2 * size:
        images = resized(images, 2 * size)
    n, device = len(images), images.device
    area = torch.empty(n, device=device).uniform_(least_area, 1)
    aspect = torch.empty(n, device=device).uniform_(*(math.log(a) for a in ASPECTS)).exp()
    width, height = ((area * ratio).sqrt().clamp(max=1) for ratio in (aspect, 1 / aspect))
    # In affine_grid's coordinates an image runs from -1 to 1.
    x, y = ((2 * torch.rand(n, device=device) - 1) * (1 - side) for side in (width, height))
    zero = torch.zeros(n, device=device)
    rows = (torch.stack([width, zero, x], 1), torch.stack([zero, height, y], 1))
    grid = nn.functional.affine_grid(
        torch.stack(rows, 1), [n, images.shape[1], size, size], align_corners=False
    )
    return nn.functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
