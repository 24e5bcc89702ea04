"""Parts that operators are built from: convolution, activation, SE, inverted bottleneck."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from search_space.architecture import ACTIVATIONS, Block

NORM_EPS = 1e-3

_ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {
    "silu": nn.SiLU,
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "hardswish": nn.Hardswish,
    "gelu": nn.GELU,
    "mish": nn.Mish,
}


def convolution(
    in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    """Return a convolution without bias, and its batch normalisation."""
    return [
        nn.Conv2d(
            in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False
        ),
        nn.BatchNorm2d(out_channels, eps=NORM_EPS),
    ]


def activation(name: str = ACTIVATIONS[0]) -> nn.Module:
    """Return a new module of one of :data:`search_space.architecture.ACTIVATIONS`."""
    return _ACTIVATIONS[name]()


class SqueezeExcitation(nn.Module):
    """Weight each channel by a number computed from the means of all (arXiv 1709.01507).

    Between its two convolutions stands the activation of the block, as in timm's EfficientNets.
    """

    def __init__(
        self, channels: int, squeeze_channels: int, activation_name: str = ACTIVATIONS[0]
    ) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, squeeze_channels, 1)
        self.activation = activation(activation_name)
        self.expand = nn.Conv2d(squeeze_channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        scale = x.mean((2, 3), keepdim=True)  # (N, C, H, W) -> (N, C, 1, 1)
        scale = self.expand(self.activation(self.reduce(scale)))
        return x * torch.sigmoid(scale)


def squeeze_excitation(block: Block, channels: int) -> list[nn.Module]:
    """Return the block's squeeze-and-excitation for its ``channels`` inside, or nothing."""
    if not block.squeeze_channels:
        return []
    return [SqueezeExcitation(channels, block.squeeze_channels, block.activation)]


def inverted_bottleneck(block: Block, kernel: int) -> nn.Sequential:
    """Build 1x1 expansion, depthwise convolution, SE, 1x1 projection (1801.04381, 1905.11946).

    Without expansion there is no first convolution.
    """
    layers: list[nn.Module] = []
    hidden = block.hidden_channels
    if hidden != block.in_channels:
        layers += [*convolution(block.in_channels, hidden, 1), activation(block.activation)]
    layers += convolution(hidden, hidden, kernel, block.stride, hidden)
    layers += [activation(block.activation), *squeeze_excitation(block, hidden)]
    return nn.Sequential(*layers, *convolution(hidden, block.out_channels, 1))
