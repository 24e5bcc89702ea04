"""The operators beyond the paper's: shapes, gradients, counts by hand, and a training step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from reward.complexity import complexity
from search_space.architecture import Architecture, Block, Stage
from search_space.more_operators import LayerScale, WithShortcut, bottleneck, convnext, mbconv_k7
from search_space.network import Network, StochasticDepth
from search_space.operators import OPERATORS

NAMES = ("mbconv_k7", "convnext", "bottleneck")
SIZE = 10  # pixels a side
RESIDUAL = Block("", 5, 1, 24, 96, 24, 0)
SHRINKING = Block("", 3, 2, 16, 64, 24, 4, "gelu")


def _mbconv_k7(b: Block, before: int, after: int) -> tuple[int, int]:
    """Return parameters and multiply-adds, for so many pixels before and after the stride."""
    c, h, o = b.in_channels, b.hidden_channels, b.out_channels
    parameters = (c * h + 2 * h) + (49 * h + 2 * h) + (h * o + 2 * o)
    return parameters, before * c * h + after * (49 * h + h * o)


def _convnext(b: Block, before: int, after: int) -> tuple[int, int]:
    c, h, o = b.in_channels, b.hidden_channels, b.out_channels
    depthwise = b.kernel**2 * c
    scale = o if b.is_residual else 0
    parameters = (depthwise + c) + 2 * c + (c * h + h) + (h * o + o) + scale
    return parameters, after * (depthwise + c * h + h * o)


def _bottleneck(b: Block, before: int, after: int) -> tuple[int, int]:
    c, o = b.in_channels, b.out_channels
    n = o // (b.hidden_channels // c)
    middle, shortcut = b.kernel**2 * n * n, 0 if b.is_residual else c * o
    norms = 2 * n + 2 * n + 2 * o + (2 * o if shortcut else 0)
    parameters = c * n + middle + n * o + shortcut + norms
    return parameters, before * c * n + after * (middle + n * o + shortcut)


BY_HAND: dict[str, Callable[[Block, int, int], tuple[int, int]]] = {
    "mbconv_k7": _mbconv_k7,
    "convnext": _convnext,
    "bottleneck": _bottleneck,
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("block", [RESIDUAL, replace(SHRINKING, squeeze_channels=0)])
def test_parameters_and_multiply_adds_are_those_by_hand(name: str, block: Block) -> None:
    found = complexity(OPERATORS[name](block), block.in_channels, SIZE)
    expected = BY_HAND[name](block, SIZE**2, (SIZE // block.stride) ** 2)
    assert (found.parameters, found.multiply_adds) == expected


@pytest.mark.parametrize("name", NAMES)
def test_squeeze_and_excitation_is_built_where_the_block_has_it(name: str) -> None:
    """Two 1x1 convolutions with bias, over the channels inside the block."""
    inside = {"bottleneck": 24 * 16 // 64}.get(name, 64)
    weights, squeezed = 2 * inside * 4 + inside + 4, 2 * inside * 4
    counts = [
        complexity(OPERATORS[name](replace(SHRINKING, squeeze_channels=each)), 16, SIZE)
        for each in (0, 4)
    ]
    assert counts[1].parameters - counts[0].parameters == weights
    assert counts[1].multiply_adds - counts[0].multiply_adds == squeezed


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("block", [RESIDUAL, SHRINKING])
def test_shape_and_gradient(name: str, block: Block) -> None:
    torch.manual_seed(0)
    module = OPERATORS[name](block)
    x = torch.randn(2, block.in_channels, SIZE, SIZE + 1, requires_grad=True)
    y = module(x)
    height, width = -(-SIZE // block.stride), -(-(SIZE + 1) // block.stride)
    assert y.shape == (2, block.out_channels, height, width)
    y.square().mean().backward()
    for tensor in (x, *module.parameters()):
        assert tensor.grad is not None
        assert tensor.grad.isfinite().all()
        assert tensor.grad.any()


@pytest.mark.parametrize("name", NAMES)
def test_it_learns(name: str) -> None:
    """On eight images of noise, to which labels were drawn, the loss falls by half."""
    torch.manual_seed(0)
    stages = (Stage(name, 3, 2, 4, 8, 2), Stage(name, 5, 2, 4, 16, 2, 0.25, "relu"))
    network = Network(Architecture(stages, 8, head_channels=32), 4, dropout=0.0, survival=1.0)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
    images, labels = torch.randn(8, 3, 16, 16), torch.arange(8) % 4
    losses = []
    for _ in range(12):
        loss = nn.functional.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2


def test_mbconv_k7_is_mbconv_with_another_kernel() -> None:
    shapes = [
        [weights.shape for weights in operator(block).parameters()]
        for operator, block in (
            (mbconv_k7, SHRINKING),
            (OPERATORS["mbconv"], replace(SHRINKING, kernel=7)),
        )
    ]
    assert shapes[0] == shapes[1]


def test_a_new_residual_convnext_block_hardly_changes_its_input() -> None:
    """By LayerScale, which a block without a residual connection does not have."""
    torch.manual_seed(0)
    x = torch.randn(2, 24, SIZE, SIZE)
    y = StochasticDepth(convnext(RESIDUAL), 1.0)(x)
    assert 0 < (y - x).abs().max() < 1e-4
    assert not any(isinstance(module, LayerScale) for module in convnext(SHRINKING).modules())


def test_a_bottleneck_has_a_shortcut_where_the_network_adds_none() -> None:
    assert isinstance(bottleneck(SHRINKING), WithShortcut)
    assert not isinstance(bottleneck(RESIDUAL), WithShortcut)
    assert isinstance(bottleneck(replace(RESIDUAL, stride=2)), WithShortcut)


def test_a_bottleneck_keeps_a_channel_at_any_expansion() -> None:
    module = bottleneck(Block("bottleneck", 3, 1, 4, 24, 4, 0))
    assert module(torch.zeros(1, 4, 3, 3)).shape == (1, 4, 3, 3)
