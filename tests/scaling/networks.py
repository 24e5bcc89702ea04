"""Thousands of networks to scale, and their parameters by a formula."""

from __future__ import annotations

import random
from collections.abc import Iterator

from search_space.architecture import Architecture, Block
from search_space.spaces import SPACES, small

NAMED = [SPACES["efficientnet-b4"](224), SPACES["efficientnetv2"](224), small(8), small(32)]
A_SPACE = 600


def sampled(count: int = A_SPACE) -> Iterator[Architecture]:
    """Yield ``count`` fixed networks of every named space, its backbone first."""
    for number, space in enumerate(NAMED):
        generator = random.Random(number)
        yield space.backbone
        yield from (space.sample(generator) for _ in range(count - 1))


def parameters(architecture: Architecture, classes: int = 1000) -> int:
    """Count parameters from the blocks; test_networks.py compares this with the built network."""
    stem, head = architecture.stem_channels, architecture.head_channels
    blocks = list(architecture.blocks())
    ends = 27 * stem + 2 * stem + (blocks[-1].out_channels + 2) * head + (head + 1) * classes
    return ends + sum(map(_block_parameters, blocks))


def _block_parameters(block: Block) -> int:
    inputs, hidden, outputs = block.in_channels, block.hidden_channels, block.out_channels
    area = block.kernel**2
    if block.operator == "fused_mbconv":
        if hidden == inputs:
            return inputs * outputs * area + 2 * outputs + _se_parameters(block, outputs)
        expand = inputs * hidden * area + 2 * hidden
    else:
        expand = (inputs * hidden + 2 * hidden if hidden != inputs else 0) + hidden * (area + 2)
    return expand + _se_parameters(block, hidden) + (hidden + 2) * outputs


def _se_parameters(block: Block, channels: int) -> int:
    squeezed = block.squeeze_channels
    return (2 * channels + 1) * squeezed + channels if squeezed else 0
