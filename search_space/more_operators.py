"""Operators beyond the paper's, and examples of how to write one of your own (docs/extending.md).

An operator is a function from a :class:`Block` to a module that maps (N, in_channels, H, W) to
(N, out_channels, H / stride, W / stride), rounded up. The network adds the residual connection and
stochastic depth around it where ``block.is_residual``.

A space lists these by name, as in ``operator: [mbconv, convnext]``; it needs no ``--import``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from search_space.architecture import Block
from search_space.modules import activation, convolution, inverted_bottleneck, squeeze_excitation


def mbconv_k7(block: Block) -> nn.Sequential:
    """Build MBConv with a depthwise kernel of 7, whatever the stage's kernel is.

    A large depthwise kernel is cheap in multiply-adds. By this operator a space has it
    without a Fused-MBConv of 7x7, whose full convolution is not cheap. Where a stage
    chooses its kernel too, points that differ in it alone are the same network under
    this operator.
    """
    return inverted_bottleneck(block, 7)


def convnext(block: Block) -> nn.Sequential:
    """Build a ConvNeXt block (arXiv 2201.03545): depthwise kernel, 1x1 up, 1x1 down.

    The paper has a kernel of 7, an expansion of 4 and GELU, which are the stage's
    choices here. A block that changes the resolution does so by the stride of its
    depthwise convolution, where ConvNeXt has a separate layer. Only residual blocks
    have LayerScale: in front of any other, it would hold back the whole signal.
    """
    channels, hidden, kernel = block.in_channels, block.hidden_channels, block.kernel
    padding = kernel // 2
    layers = [
        nn.Conv2d(channels, channels, kernel, block.stride, padding, groups=channels),
        ChannelNorm(channels),
        nn.Conv2d(channels, hidden, 1),
        activation(block.activation),
        *squeeze_excitation(block, hidden),
        nn.Conv2d(hidden, block.out_channels, 1),
    ]
    if block.is_residual:
        layers.append(LayerScale(block.out_channels))
    return nn.Sequential(*layers)


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of each pixel of (N, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class LayerScale(nn.Module):
    """A weight for each channel that starts near 0 (arXiv 2103.17239)."""

    def __init__(self, channels: int, initial: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), initial))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight[:, None, None]


def bottleneck(block: Block) -> nn.Module:
    """Build a residual bottleneck (arXiv 1512.03385): 1x1 down, convolution, 1x1 up.

    Its middle has the stage's stride, and the output's channels divided by the stage's
    expansion, 4 in the paper. A block that changes shape has a 1x1 convolution as its
    shortcut. As in MBConv, no activation follows the addition.
    """
    channels = max(1, block.out_channels * block.in_channels // block.hidden_channels)
    body = nn.Sequential(
        *convolution(block.in_channels, channels, 1),
        activation(block.activation),
        *convolution(channels, channels, block.kernel, block.stride),
        activation(block.activation),
        *squeeze_excitation(block, channels),
        *convolution(channels, block.out_channels, 1),
    )
    if block.is_residual:
        return body
    shortcut = convolution(block.in_channels, block.out_channels, 1, block.stride)
    return WithShortcut(body, nn.Sequential(*shortcut))


class WithShortcut(nn.Module):
    """The sum of two modules of one input."""

    def __init__(self, body: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x) + self.shortcut(x)
        return y
