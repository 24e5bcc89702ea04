"""Images and their labels in memory, on the device that trains on them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from nas.data.split import SearchData, Split


@dataclass(frozen=True)
class Images:
    """``pixels`` (N, C, H, W) uint8 with H = W, ``labels`` (N,) int64, and the training set's
    ``mean`` and ``std`` (1, C, 1, 1) in units of 0 to 255, by which every batch is normalised."""

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
    def device(self) -> torch.device:
        """Where the images are."""
        return self.pixels.device

    def batch(self, index: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Normalised float images (N, C, H, W) and labels (N,)."""
        pixels = self.pixels[index].float()
        return (pixels - self.mean) / self.std, self.labels[index]


def on_device(data: SearchData, device: torch.device) -> tuple[Images, Images]:
    """The training set and the minival on a device, both normalised by the training set."""
    pixels = data.training.pixels
    mean = torch.tensor(pixels.mean((0, 2, 3)), dtype=torch.float32).view(1, -1, 1, 1)
    std = torch.tensor(pixels.std((0, 2, 3)), dtype=torch.float32).view(1, -1, 1, 1)
    statistics = (mean.to(device), std.clamp(min=1.0).to(device))  # a constant channel has std 0

    def images(split: Split) -> Images:
        # Copied: what arrives through shared memory is read-only, which torch has no notion of.
        pixels, labels = torch.tensor(split.pixels), torch.tensor(split.labels)
        return Images(pixels.to(device), labels.to(device), *statistics)

    return images(data.training), images(data.minival)
