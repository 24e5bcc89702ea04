"""Augmentation of whole batches on the training device."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def random_crop(images: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    """Each image of (N, C, H, W) shifted by up to ``padding`` pixels, its border mirrored in."""
    if padding == 0:
        return images
    n, _, height, width = images.shape
    padded = nn.functional.pad(images, (padding,) * 4, mode="reflect")
    shifts = torch.randint(0, 2 * padding + 1, (2, n, 1), generator=generator).to(images.device)
    rows = shifts[0] + torch.arange(height, device=images.device)  # (N, H)
    columns = shifts[1] + torch.arange(width, device=images.device)  # (N, W)
    batch = torch.arange(n, device=images.device)[:, None, None]
    # Indexing puts the indexed axes first: (N, H, W, C).
    cropped = padded[batch, :, rows[:, :, None], columns[:, None, :]]
    return cropped.permute(0, 3, 1, 2)
