"""Operators, which build the layers of a stage: MBConv, Fused-MBConv and the user's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from search_space.architecture import Block
from search_space.named import is_reference, lookup_function

NORM_EPS = 1e-3


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


class SqueezeExcitation(nn.Module):
    """Weight each channel by a number computed from the means of all (arXiv 1709.01507)."""

    def __init__(self, channels: int, squeeze_channels: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, squeeze_channels, 1)
        self.expand = nn.Conv2d(squeeze_channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        scale = x.mean((2, 3), keepdim=True)  # (N, C, H, W) -> (N, C, 1, 1)
        scale = self.expand(nn.functional.silu(self.reduce(scale)))
        return x * torch.sigmoid(scale)


def mbconv(block: Block) -> nn.Sequential:
    """Build 1x1 expansion, depthwise convolution, SE, 1x1 projection (1801.04381, 1905.11946)."""
    layers: list[nn.Module] = []
    hidden = block.hidden_channels
    if hidden != block.in_channels:
        layers += [*convolution(block.in_channels, hidden, 1), nn.SiLU()]
    layers += [*convolution(hidden, hidden, block.kernel, block.stride, hidden), nn.SiLU()]
    if block.squeeze_channels:
        layers.append(SqueezeExcitation(hidden, block.squeeze_channels))
    return nn.Sequential(*layers, *convolution(hidden, block.out_channels, 1))


def fused_mbconv(block: Block) -> nn.Sequential:
    """Build MBConv with its first two convolutions fused into one (EfficientNetV2, Figure 2).

    At expansion 1 there is no projection: the one convolution then has the output's channels.
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
"""Operators by name. ``OPERATORS["mine"] = my_operator`` adds one that a space can then list.

An operator is a function from a :class:`Block` to a module that maps (N, in_channels, H, W) to
(N, out_channels, H / stride, W / stride), rounded up. One of the user's own can also be named as
``package.module:attribute``: see :func:`find_operator`.
"""


def find_operator(name: str, operators: Mapping[str, Operator] = OPERATORS) -> Operator:
    """Return the operator of a name, or of ``package.module:attribute`` in an imported module.

    Raises:
        ValueError: there is none; the message is one line.
    """
    if name in operators:
        return operators[name]
    if not is_reference(name):
        raise ValueError(
            f"operator: got {name!r}, must be one of {', '.join(sorted(operators))}, or "
            "package.module:attribute; name the module that adds it by --import MODULE"
        )
    try:
        return lookup_function(name)
    except ValueError as error:
        raise type(error)(f"operator: {error}") from None
