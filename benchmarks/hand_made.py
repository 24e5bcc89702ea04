"""Networks that a user would take instead of searching, made as large as a given network.

Three patterns, each scaled by its widths alone to the parameters asked for, within 5 %:

- ``resnet``: basic blocks, one for each resolution, widths that double with each (ResNet-8 of
  MLPerf Tiny, arXiv 2106.07597; He et al., arXiv 1512.03385, section 4.2);
- ``mobilenetv2``: MBConv with a kernel of 3, ReLU6 and no squeeze-and-excitation, expansion 1 in
  the first stage and 6 in the others (arXiv 1801.04381);
- ``efficientnetv2``: Fused-MBConv with expansion 1, then 4, in the first half of the stages, and
  MBConv with squeeze-and-excitation and expansion 4, then 6, in the others (arXiv 2104.00298,
  Table 4).

Resolutions follow the space's backbone, and so do the layers and the relative widths of the last
two. Channels are multiples of 8, as those of the spaces: other widths are slow on many devices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise, product

from torch import Tensor, nn

from reward.complexity import count_parameters
from search_space.architecture import Architecture, Block, Stage
from search_space.modules import NORM_EPS, activation
from search_space.task import Task

MOST_DIFFERENCE = 0.05  # in parameters, as a share of those asked for
BASIC_BLOCK = "benchmarks.hand_made:basic_block"
_HALVINGS = 14
_MOST_REACH = 1  # multiples of 8 beyond those next to an exactly scaled width


def basic_block(block: Block) -> nn.Module:
    """Build a basic block with its activations in front (arXiv 1603.05027, Figure 4e).

    Two convolutions of the stage's kernel. A block that changes shape has a 1x1 convolution as its
    shortcut, of the activated input; around any other the network adds the input. The expansion is
    not used.
    """
    if block.is_residual:
        return nn.Sequential(*_activated(block, block.in_channels), *_convolutions(block))
    return _WithProjection(block)


class _WithProjection(nn.Module):
    """A basic block of another shape at its end, and the 1x1 convolution around it."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        self.activated = nn.Sequential(*_activated(block, block.in_channels))
        self.body = nn.Sequential(*_convolutions(block))
        self.shortcut = nn.Conv2d(block.in_channels, block.out_channels, 1, block.stride)

    def forward(self, x: Tensor) -> Tensor:
        x = self.activated(x)
        y: Tensor = self.body(x) + self.shortcut(x)
        return y


def _activated(block: Block, channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels, eps=NORM_EPS), activation(block.activation)]


def _convolutions(block: Block) -> list[nn.Module]:
    kernel, channels = block.kernel, block.out_channels
    first = nn.Conv2d(block.in_channels, channels, kernel, block.stride, kernel // 2, bias=False)
    second = nn.Conv2d(channels, channels, kernel, 1, kernel // 2, bias=False)
    return [first, *_activated(block, channels), second]


def resnet(backbone: Architecture) -> Architecture:
    """Return the pattern of a ResNet at the resolutions of the backbone.

    The head, which the original lacks, has the width of the last stage.
    """
    strides = [backbone.stages[0].stride, *(s.stride for s in backbone.stages[1:] if s.stride > 1)]
    stages = tuple(
        Stage(BASIC_BLOCK, 3, stride, 1, 16 * 2**i, 1, activation="relu")
        for i, stride in enumerate(strides)
    )
    return Architecture(stages, 16, backbone.stem_stride, stages[-1].channels)


def mobilenetv2(backbone: Architecture) -> Architecture:
    """Return the pattern of a MobileNetV2 with the backbone's layers, strides and widths."""
    stages = tuple(
        Stage("mbconv", 3, stage.stride, 6 if i else 1, stage.channels, stage.layers, 0.0, "relu6")
        for i, stage in enumerate(backbone.stages)
    )
    return replace(backbone, stages=stages)


def efficientnetv2(backbone: Architecture) -> Architecture:
    """Return the pattern of an EfficientNetV2 with the backbone's layers, strides and widths."""
    count = len(backbone.stages)
    early = (count + 1) // 2
    stages = []
    for i, stage in enumerate(backbone.stages):
        expansion = (4 if i else 1) if i < early else (4 if i == early else 6)
        operator, se_ratio = ("fused_mbconv", 0.0) if i < early else ("mbconv", 0.25)
        stages.append(
            replace(stage, operator=operator, kernel=3, expansion=expansion, se_ratio=se_ratio)
        )
    return replace(backbone, stages=tuple(stages))


PATTERNS: dict[str, Callable[[Architecture], Architecture]] = {
    "resnet": resnet,
    "mobilenetv2": mobilenetv2,
    "efficientnetv2": efficientnetv2,
}
"""Patterns by name: functions of the space's backbone."""


def hand_made(backbone: Architecture, parameters: int, task: Task) -> dict[str, Architecture]:
    """Return each pattern with as many parameters, within 5 %.

    Raises:
        ValueError: a pattern has no such network, as its narrowest is too large.
    """
    return {
        name: of_parameters(make(backbone), parameters, task) for name, make in PATTERNS.items()
    }


def of_parameters(pattern: Architecture, parameters: int, task: Task) -> Architecture:
    """Scale a pattern's widths such that its network has as many parameters, within 5 %.

    It is the most evenly scaled one of those whose widths are the multiples of 8 next to their
    shares; only where none of these has as many, the multiples next to them count too.

    Raises:
        ValueError: there is none.
    """
    factor = _factor(pattern, parameters, task)
    for reach in range(_MOST_REACH + 1):
        near = _near(pattern, factor, reach)
        for network in sorted(near, key=lambda one: _unevenness(one, pattern, factor)):
            if abs(count_parameters(network, task) - parameters) <= MOST_DIFFERENCE * parameters:
                return network
    raise ValueError(f"parameters: got {parameters:,}, no widths of multiples of 8 come near")


def _factor(pattern: Architecture, parameters: int, task: Task) -> float:
    """Return the factor on the widths, as whole numbers, that comes closest to the parameters."""
    low, high = 0.0, 8.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        widths = [max(1, round(width * middle)) for width in _widths(pattern)]
        is_less = count_parameters(_with_widths(pattern, widths), task) < parameters
        low, high = (middle, high) if is_less else (low, middle)
    return (low + high) / 2


def _near(pattern: Architecture, factor: float, reach: int) -> Iterator[Architecture]:
    """Yield the networks whose widths are multiples of 8 around those that are scaled exactly.

    A ``reach`` of 0 takes the two next to each width, 1 the four next to it.
    """
    options: list[range] = []
    for width in _widths(pattern):
        below = max(8, int(width * factor) // 8 * 8)
        options.append(range(max(8, below - 8 * reach), below + 8 * reach + 16, 8))
    for widths in product(*options):
        stages = widths[1:-1]
        if all(earlier <= later for earlier, later in pairwise(stages)):
            yield _with_widths(pattern, widths)


def _unevenness(network: Architecture, pattern: Architecture, factor: float) -> float:
    pairs = zip(_widths(network), _widths(pattern), strict=True)
    return math.fsum(math.log(width / (base * factor)) ** 2 for width, base in pairs)


def _widths(architecture: Architecture) -> list[int]:
    """Return the channels of stem, stages and head."""
    stages = (stage.channels for stage in architecture.stages)
    return [architecture.stem_channels, *stages, architecture.head_channels]


def _with_widths(architecture: Architecture, widths: tuple[int, ...] | list[int]) -> Architecture:
    stem, *of_stages, head = widths
    stages = tuple(
        replace(stage, channels=width)
        for stage, width in zip(architecture.stages, of_stages, strict=True)
    )
    return replace(architecture, stages=stages, stem_channels=stem, head_channels=head)
