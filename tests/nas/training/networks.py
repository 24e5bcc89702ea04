"""Images and networks that are small, so that training takes a moment."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nas.data.images import Images


def blobs(
    n: int = 64, size: int = 16, classes: int = 4, channels: int = 3, seed: int = 0
) -> Images:
    """Return noisy images with one bright corner, whose place is their class."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % classes
    pixels = torch.rand(n, channels, size, size, generator=generator) * 120
    half = size // 2
    for i, label in enumerate(labels.tolist()):
        rows = slice(half * (label // 2), half * (label // 2) + half)
        columns = slice(half * (label % 2), half * (label % 2) + half)
        pixels[i, :, rows, columns] += 100
    ones = torch.ones(1, channels, 1, 1)
    return Images(pixels.to(torch.uint8), labels, 85 * ones, 55 * ones, classes)


def noise(
    count: int, size: int, device: torch.device, classes: int = 4, labels: Tensor | None = None
) -> Images:
    """Return coloured noise on a device, the same each time, with ``labels`` or all in turn."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (count, 3, size, size), dtype=torch.uint8, generator=generator)
    mean, std = (torch.full((1, 3, 1, 1), value, device=device) for value in (120.0, 60.0))
    labels = torch.arange(count) % classes if labels is None else labels
    return Images(pixels.to(device), labels.to(device), mean, std, classes)


class Residual(nn.Module):
    """A ResNet's basic block (arXiv 1512.03385), as anyone might write it."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.last_norm = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.last_norm(self.second(torch.relu(self.norm(self.first(x)))))
        return torch.relu(y + self.shortcut(x))


def resnet(classes: int = 4, dropout: float = 0.0) -> nn.Sequential:
    """Return a ResNet of two blocks, always with the same weights."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 1, 1, bias=False),
        *(Residual(8, 8, 1), Residual(8, 16, 2)),
        *(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(dropout), nn.Linear(64, classes)),
    )


def without_norm(classes: int = 4) -> nn.Sequential:
    """Return a network without batch normalisation, always with the same weights."""
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(3, 8, 3, 2, 1), nn.SiLU(), nn.AdaptiveAvgPool2d(2)),
        *(nn.Flatten(), nn.Linear(32, classes)),
    )


def watch(network: nn.Module) -> list[Tensor]:
    """Return a list that will hold the batches that the network is trained on from now on."""
    batches: list[Tensor] = []

    def note(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if module.training:  # not the EMA, a copy with the same hook
            batches.append(inputs[0].clone())

    network.register_forward_pre_hook(note)
    return batches
