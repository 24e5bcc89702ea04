"""The operators that a stage is made of: MBConv, Fused-MBConv, and any of your own."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from search_space.architecture import Block

NORM_EPS = 1e-3


def convolution(
    in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    """A convolution without bias and its batch normalisation."""
    return [
        nn.Conv2d(
            in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False
        ),
        nn.BatchNorm2d(out_channels, eps=NORM_EPS),
    ]


class SqueezeExcitation(nn.Module):
    """Channels weighted by what the whole image holds (arXiv 1709.01507)."""

    def __init__(self, channels: int, squeeze_channels: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, squeeze_channels, 1)
        self.expand = nn.Conv2d(squeeze_channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        scale = x.mean((2, 3), keepdim=True)  # (N, C, H, W) -> (N, C, 1, 1)
        scale = self.expand(nn.functional.silu(self.reduce(scale)))
        return x * torch.sigmoid(scale)


def mbconv(block: Block) -> nn.Sequential:
    """1x1 expansion, depthwise kernel, SE, 1x1 projection (arXiv 1801.04381, 1905.11946)."""
    layers: list[nn.Module] = []
    hidden = block.hidden_channels
    if hidden != block.in_channels:
        layers += [*convolution(block.in_channels, hidden, 1), nn.SiLU()]
    layers += [*convolution(hidden, hidden, block.kernel, block.stride, hidden), nn.SiLU()]
    if block.squeeze_channels:
        layers.append(SqueezeExcitation(hidden, block.squeeze_channels))
    return nn.Sequential(*layers, *convolution(hidden, block.out_channels, 1))


def fused_mbconv(block: Block) -> nn.Sequential:
    """Expansion and depthwise kernel fused into one full convolution (EfficientNetV2, Figure 2).

    At expansion 1 the projection would be a second convolution of the same width, and is left out.
    """
    hidden = block.hidden_channels
    if hidden == block.in_channels:
        hidden, projection = block.out_channels, []
    else:
        projection = convolution(hidden, block.out_channels, 1)
    layers = [*convolution(block.in_channels, hidden, block.kernel, block.stride), nn.SiLU()]
    if block.squeeze_channels:
        layers.append(SqueezeExcitation(hidden, block.squeeze_channels))
    return nn.Sequential(*layers, *projection)


Operator = Callable[[Block], nn.Module]

OPERATORS: dict[str, Operator] = {"mbconv": mbconv, "fused_mbconv": fused_mbconv}
"""By name. ``OPERATORS["mine"] = my_operator`` is all that a new one takes: a function from a
:class:`Block` to a module that maps (N, in_channels, H, W) to (N, out_channels, H / stride,
W / stride), rounded up; a space then lists ``"mine"`` among its operators."""
