"""Resizing and normalisation as a part of the network, for ``nas export --with-preprocessing``."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nas.preprocessing import Preprocessing

_CUBIC = -0.5  # the parameter a of Keys' cubic convolution, as Pillow has it


class Pixels(nn.Module):
    """Images as they are decoded to those that a network takes: middle square, resized, normalised.

    It maps uint8 (N, C, H, W) of any H and W to float32 (N, C, size, size). The pixels are those of
    Pillow's ``ImageOps.fit``, which resizes along one side and then along the other and rounds to 8
    bits after each: sums over pixels are matrix products here. They differ by rounding where a sum
    is close to a half, and somewhat more in tall images, which recent releases of Pillow resize
    first along the other side.

    ``rounding`` is what is added before rounding down; another value than 0.5 shows how far outputs
    depend on rounding.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.size = preprocessing.size
        self.is_cubic = preprocessing.interpolation == "bicubic"
        self.rounding = 0.5
        for name in ("mean", "std"):
            values = torch.tensor(getattr(preprocessing, name), dtype=torch.float32)
            self.register_buffer(name, values.view(1, -1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        height, width = images.shape[2:]
        side = torch.minimum(
            *(torch.scalar_tensor(n, dtype=torch.float32) for n in (height, width))
        )
        x = self._rounded(images.float() @ self._weights(width, side).T)  # -> (N, C, H, size)
        x = self._rounded(self._weights(height, side) @ x)  # -> (N, C, size, size)
        return (x - self.mean) / self.std

    def _weights(self, length: int, side: Tensor) -> Tensor:
        """Return the weight (size, length) of each pixel of a line in each pixel of the result.

        ``side`` is the length of the part in the middle that is kept.
        """
        scale = side / self.size
        centers = (length - side) / 2 + (torch.arange(self.size) + 0.5) * scale
        pixels = torch.arange(length) + 0.5
        distances = (pixels[None] - centers[:, None]).abs() / scale.clamp(min=1.0)
        weights = _cubic(distances) if self.is_cubic else (1 - distances).clamp(min=0.0)
        return weights / weights.sum(1, keepdim=True)

    def _rounded(self, x: Tensor) -> Tensor:
        return (x + self.rounding).floor().clamp(0.0, 255.0)


class WithPixels(nn.Module):
    """A network behind :class:`Pixels`: uint8 images (N, C, H, W) of any size to logits."""

    def __init__(self, pixels: Pixels, network: nn.Module) -> None:
        super().__init__()
        self.pixels = pixels
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(self.pixels(images))
        return logits


def _cubic(x: Tensor) -> Tensor:
    """Return Keys' cubic convolution kernel at distances ``x``, which are not negative."""
    near = ((_CUBIC + 2) * x - (_CUBIC + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * _CUBIC
    return torch.where(x < 1, near, torch.where(x < 2, far, 0.0))
