"""The network of an architecture: shapes, gradients, regularization, user operators."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor, nn

from search_space.architecture import Architecture, Block, Stage
from search_space.network import Network, StochasticDepth
from search_space.operators import OPERATORS
from search_space.published import EFFICIENTNET_B0, EFFICIENTNETV2_S
from search_space.spaces import small
from tests.search_space import strategies

TINY = Architecture(
    (Stage("fused_mbconv", 3, 1, 1, 8, 2), Stage("mbconv", 3, 2, 4, 16, 3, 0.25)),
    stem_channels=8,
    head_channels=32,
)


@pytest.mark.parametrize("size", [8, 32])
@settings(max_examples=12)
@given(generator=strategies.generators)
def test_candidates_for_small_images_run_forward_and_backward(
    size: int, generator: random.Random
) -> None:
    network = Network(small(size).sample(generator), classes=7, in_channels=1)
    logits = network(torch.randn(2, 1, size, size))
    assert logits.shape == (2, 7)
    logits.square().mean().backward()
    for weights in network.parameters():
        assert weights.grad is not None
        assert weights.grad.isfinite().all()


@pytest.mark.parametrize("size", [8, 16, 28, 32, 64])
def test_small_images_keep_resolution(size: int) -> None:
    network = Network(small(size).backbone)
    features = network.blocks(network.stem(torch.zeros(1, 3, size, size)))
    assert features.shape[-1] >= 2


@given(strategies.buildable_architectures)
@settings(max_examples=10)
def test_any_architecture_runs(architecture: Architecture) -> None:
    with torch.device("meta"):
        network = Network(architecture, classes=3)
        assert network(torch.empty(2, 3, 33, 17)).shape == (2, 3)


@given(strategies.buildable_architectures)
@settings(max_examples=15)
def test_equal_ids_build_equal_networks(architecture: Architecture) -> None:
    """Cutting stages into single layers changes no weight's name and shape."""
    cut = replace(architecture, stages=tuple(_single_layers(architecture)))
    assert cut.architecture_id == architecture.architecture_id
    with torch.device("meta"):
        states = [Network(same).state_dict() for same in (architecture, cut)]
    shapes = [{name: weights.shape for name, weights in state.items()} for state in states]
    assert shapes[0] == shapes[1]


def test_stochastic_depth_survives_less_with_depth() -> None:
    """Block i of N survives with 1 - 0.2 * i / N (EfficientNetV2's public code)."""
    with torch.device("meta"):
        network = Network(EFFICIENTNETV2_S, survival=0.8)
    blocks = list(EFFICIENTNETV2_S.blocks())
    assert len(network.blocks) == len(blocks) == 40
    for i, (block, module) in enumerate(zip(blocks, network.blocks, strict=True)):
        assert isinstance(module, StochasticDepth) == block.is_residual
        if isinstance(module, StochasticDepth):
            assert module.survival == pytest.approx(1 - 0.2 * i / 40)


def test_only_blocks_that_keep_their_shape_are_residual() -> None:
    residual = [block.is_residual for block in EFFICIENTNET_B0.blocks()]
    assert "".join("-x"[kept] for kept in residual) == "--x-x-xx-xx-xxx-"


def test_stochastic_depth_keeps_the_expectation() -> None:
    torch.manual_seed(0)
    images, survival = 20_000, 0.6
    layer = StochasticDepth(_Ones(), survival).train()
    y = layer(torch.full((images, 2, 1, 1), 5.0)) - 5
    assert torch.equal(y[:, 0], y[:, 1])  # an image's body is dropped whole
    assert y.unique().tolist() == pytest.approx([0, 1 / survival])
    deviation = math.sqrt((1 - survival) / survival / images)
    assert y.mean().item() == pytest.approx(1, abs=4 * deviation)


def test_evaluation_is_deterministic_and_training_is_not() -> None:
    torch.manual_seed(0)
    network = Network(TINY, dropout=0.5, survival=0.5)
    x = torch.randn(4, 3, 8, 8)
    network(x)
    network.eval()
    assert torch.equal(network(x), network(x))
    network.train()
    assert not torch.equal(network(x), network(x))


def test_without_regularization_training_is_deterministic() -> None:
    network = Network(TINY, dropout=0, survival=1)
    x = torch.randn(4, 3, 8, 8)
    assert torch.equal(network(x), network(x))


def test_weights_start_as_published() -> None:
    """Convolutions N(0, 2 / (k * k * outputs)), the classifier U(+-1 / sqrt(classes)), biases 0."""
    torch.manual_seed(0)
    network = Network(Architecture((Stage("mbconv", 3, 1, 4, 64, 1, 0.25),), 64), classes=100)
    expand, depthwise, project = (
        m for m in network.blocks.modules() if isinstance(m, nn.Conv2d) and m.bias is None
    )
    assert depthwise.groups == 256
    for convolution, fan_out in ((expand, 256), (depthwise, 9), (project, 64)):
        assert convolution.weight.std().item() == pytest.approx(math.sqrt(2 / fan_out), rel=0.05)
    assert 0.099 < network.classifier.weight.abs().max() <= 0.1
    assert not network.classifier.bias.any()


def test_batch_normalisation_has_the_published_epsilon_and_the_given_momentum() -> None:
    norms = [m for m in Network(TINY, norm_momentum=0.3).modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(norms) == 2 + 2 * 1 + 3 * 3
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.3)}


def test_an_operator_of_ones_own_is_one_dict_entry() -> None:
    operators = {**OPERATORS, "plain": _plain}
    network = Network(_with_operator("plain"), classes=5, operators=operators)
    assert network(torch.randn(2, 3, 8, 8)).shape == (2, 5)
    assert any(isinstance(module, nn.ReLU) for module in network.modules())


def test_an_unknown_operator_is_told_in_one_line() -> None:
    with pytest.raises(
        ValueError, match=r"^operator: got 'plain', must be one of bottleneck, convnext, "
    ):
        Network(_with_operator("plain"))


def test_the_same_seed_gives_the_same_weights() -> None:
    networks = []
    for _ in range(2):
        torch.manual_seed(3)
        networks.append(Network(TINY))
    for a, b in pairwise(networks):
        assert all(map(torch.equal, a.parameters(), b.parameters()))


def _single_layers(architecture: Architecture) -> Iterator[Stage]:
    for stage in architecture.stages:
        yield replace(stage, layers=1)
        for _ in range(stage.layers - 1):
            yield replace(stage, layers=1, stride=1)


class _Ones(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.ones_like(x)


def _plain(block: Block) -> nn.Module:
    convolution = nn.Conv2d(block.in_channels, block.out_channels, 3, block.stride, 1)
    return nn.Sequential(convolution, nn.ReLU())


def _with_operator(name: str) -> Architecture:
    return Architecture((Stage(name, 3, 2, 1, 8, 2),), stem_channels=8)


@given(strategies.buildable_architectures)
@settings(max_examples=10)
def test_the_maps_of_the_stages(architecture: Architecture) -> None:
    with torch.device("meta"):
        network = Network(architecture, classes=3).eval()
        images = torch.empty(2, 3, 33, 17)
        maps = network.features(images)
        last = network.blocks(network.stem(images))
    assert len(maps) == len(network.feature_info) == len(architecture.stages)
    assert maps[-1].shape == last.shape
    for info, stage, found in zip(network.feature_info, architecture.stages, maps, strict=True):
        assert found.shape[:2] == (2, info.channels) == (2, stage.channels)
        assert 33 / info.stride <= found.shape[2] < 33 / info.stride + 2
    assert network.feature_info[-1].stride == architecture.stride
    assert network.feature_info[-1].is_last


def test_a_pyramid_of_efficientnetv2_s() -> None:
    network = Network(EFFICIENTNETV2_S).eval()
    levels = [info for info in network.feature_info if info.is_last]
    assert [(info.stage, info.channels, info.stride) for info in levels] == [
        (1, 24, 2), (2, 48, 4), (3, 64, 8), (5, 160, 16), (6, 256, 32),
    ]  # fmt: skip
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        maps = network.features(images)
        head = network.head(maps[-1]).mean((2, 3))
        assert torch.equal(network.classifier(head), network(images))
