"""The hand-made networks have the winner's parameters, the backbone's resolutions, and learn."""

from __future__ import annotations

import pytest
import torch

from benchmarks.hand_made import BASIC_BLOCK, MOST_DIFFERENCE, PATTERNS, hand_made
from reward.complexity import count_parameters
from search_space.architecture import Architecture, Block
from search_space.network import Network, StochasticDepth
from search_space.operators import find_operator
from search_space.spaces import SPACES
from search_space.task import Task

TASK = Task(10, 3)


@pytest.mark.parametrize("parameters", [32_766, 90_000])
def test_parameters_are_equal_within_5_percent(parameters: int) -> None:
    backbone = SPACES["small"](32).backbone
    for name, network in hand_made(backbone, parameters, TASK).items():
        counted = count_parameters(network, TASK)
        assert abs(counted - parameters) <= MOST_DIFFERENCE * parameters, name


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize(("space", "size"), [("small", 16), ("small", 32), ("medium", 96)])
def test_resolutions_are_those_of_the_backbone(pattern: str, space: str, size: int) -> None:
    backbone = SPACES[space](size).backbone
    network = PATTERNS[pattern](backbone)
    assert network.stride == backbone.stride
    assert network.stem_stride == backbone.stem_stride


def test_widths_are_multiples_of_8_that_grow_with_depth() -> None:
    for network in hand_made(SPACES["small"](32).backbone, 32_766, TASK).values():
        channels = [stage.channels for stage in network.stages]
        assert channels == sorted(channels)
        widths = [*channels, network.stem_channels, network.head_channels]
        assert all(width % 8 == 0 for width in widths)


def test_parameters_that_no_widths_reach_are_refused() -> None:
    with pytest.raises(ValueError, match=r"parameters: got 1,000"):
        hand_made(SPACES["small"](32).backbone, 1_000, TASK)


def test_the_patterns_are_those_of_the_papers() -> None:
    backbone = SPACES["small"](32).backbone
    mobile, v2 = PATTERNS["mobilenetv2"](backbone), PATTERNS["efficientnetv2"](backbone)
    assert [stage.expansion for stage in mobile.stages] == [1, 6, 6, 6]
    assert all(stage.se_ratio == 0 and stage.activation == "relu6" for stage in mobile.stages)
    assert [(stage.operator, stage.expansion, stage.se_ratio) for stage in v2.stages] == [
        ("fused_mbconv", 1, 0.0),
        ("fused_mbconv", 4, 0.0),
        ("mbconv", 4, 0.25),
        ("mbconv", 6, 0.25),
    ]


@pytest.mark.parametrize(("stride", "out_channels"), [(1, 8), (1, 16), (2, 8), (2, 16)])
def test_a_basic_block_has_two_convolutions_and_a_projection_where_the_shape_changes(
    stride: int, out_channels: int
) -> None:
    block = Block(BASIC_BLOCK, 3, stride, 8, 8, out_channels, 0, "relu")
    module = find_operator(BASIC_BLOCK)(block)
    weights = 9 * (8 + out_channels) * out_channels + 2 * (8 + out_channels)
    projection = 0 if block.is_residual else (8 + 1) * out_channels
    assert sum(one.numel() for one in module.parameters()) == weights + projection
    assert module(torch.randn(2, 8, 5, 5)).shape == (
        2,
        out_channels,
        -(-5 // stride),
        -(-5 // stride),
    )


def test_the_input_of_a_residual_basic_block_is_added_to_its_output() -> None:
    network = Network(_two_blocks(), 3)
    second = network.blocks[1]
    assert isinstance(second, StochasticDepth)
    torch.nn.init.zeros_(second.body[-1].weight)  # type: ignore[index]
    second.eval()
    images = torch.randn(2, 16, 4, 4)
    assert torch.equal(second(images), images)


def test_a_resnet_computes_gradients_for_all_its_weights() -> None:
    network = Network(_two_blocks(), 3)
    network(torch.randn(4, 3, 16, 16)).square().sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())


def _two_blocks() -> Architecture:
    data = PATTERNS["resnet"](SPACES["small"](32).backbone).to_json()
    data["stages"] = [{**data["stages"][0], "layers": 2}]
    return Architecture.from_json(data)
