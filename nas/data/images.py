"""Images and their labels in memory, on the device that trains on them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Images:
    """``pixels`` (N, C, H, W) uint8 with H = W, ``labels`` (N,) int64, and the training set's
    ``mean`` and ``std`` (C,) in units of 0 to 255, by which every batch is normalised."""

    pixels: Tensor
    labels: Tensor
    mean: Tensor
    std: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def size(self) -> int:
        """Height and width in pixels."""
        return int(self.pixels.shape[-1])

    @property
    def channels(self) -> int:
        """1 for grey images, 3 for colour."""
        return int(self.pixels.shape[1])

    @property
    def device(self) -> torch.device:
        """Where the images are."""
        return self.pixels.device

    def batch(self, index: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Normalised float images (N, C, H, W) and labels (N,)."""
        pixels = self.pixels[index].float()
        mean, std = (x.view(1, -1, 1, 1) for x in (self.mean, self.std))
        return (pixels - mean) / std, self.labels[index]

    def to(self, device: torch.device) -> Images:
        """The same images on another device."""
        tensors = {name: tensor.to(device) for name, tensor in vars(self).items()}
        return replace(self, **tensors)
