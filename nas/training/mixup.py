"""Mixup: images and their targets blended in pairs."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import Beta


def mixup(images: Tensor, labels: Tensor, alpha: float, classes: int) -> tuple[Tensor, Tensor]:
    """Each image of a batch (N, C, H, W) blended with the one as far from the batch's other end.

    The own share is drawn for each image from Beta(alpha, alpha), the larger side of it, as in the
    published code (arXiv 1710.09412). Returns the images and targets (N, classes), blended alike,
    from ``labels`` (N,) or targets (N, classes).
    """
    strength = torch.tensor(alpha, device=images.device)
    share = Beta(strength, strength).sample((len(images),))
    share = torch.maximum(share, 1 - share)
    targets = labels
    if labels.ndim == 1:
        targets = nn.functional.one_hot(labels, classes).to(images.dtype)
    weight = share.view(-1, 1, 1, 1)
    return (
        images * weight + images.flip(0) * (1 - weight),
        targets * share[:, None] + targets.flip(0) * (1 - share[:, None]),
    )
