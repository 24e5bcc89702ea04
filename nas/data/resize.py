"""Images brought to another size: whole sets as they are read, batches as they are trained on."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


def square(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The middle square of (N, C, H, W) images, resampled to (N, C, size, size), antialiased."""
    height, width = pixels.shape[2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    pixels = pixels[:, :, top : top + side, left : left + side]
    if side == size:
        return np.ascontiguousarray(pixels)
    chunks = (
        resized(torch.from_numpy(chunk.copy()).float(), size)
        for chunk in np.array_split(pixels, -(-len(pixels) // 1024))
    )
    return np.concatenate([c.round_().clamp_(0, 255).to(torch.uint8).numpy() for c in chunks])


def resized(images: Tensor, size: int) -> Tensor:
    """Float images (N, C, H, W) at ``size`` by ``size`` pixels, antialiased."""
    if images.shape[-1] == size:
        return images
    return nn.functional.interpolate(images, size=size, mode="bilinear", antialias=True)
