"""The built-in spaces: common properties, sizes, and the networks that they contain."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings

from search_space.architecture import Architecture, Stage
from search_space.network import Network
from search_space.published import EFFICIENTNETV2_S, published
from search_space.space import Space
from search_space.spaces import (
    SPACES,
    default_space,
    efficientnet_b4,
    efficientnetv2,
    medium,
    small,
    vertex_efficientnetv2,
)
from tests.search_space import strategies

LARGE_NAMES = ("efficientnet-b4", "efficientnetv2", "medium", "vertex-efficientnetv2")
LARGE = [SPACES[name](224) for name in LARGE_NAMES]
NAMED = [*LARGE, small(8), small(32)]
named = pytest.mark.parametrize(
    "space", NAMED, ids=lambda space: f"{space.name}-stem{space.backbone.stem_stride}"
)


def test_every_space_is_tested_under_its_name() -> None:
    assert {space.name for space in NAMED} == set(SPACES)


@named
@settings(max_examples=4)
@given(generator=strategies.generators)
def test_a_sample_builds_and_runs_forward_and_backward(
    space: Space, generator: random.Random
) -> None:
    with torch.device("meta"):
        network = Network(space.sample(generator), classes=10)
        logits = network(torch.empty(2, 3, 64, 64))
        assert logits.shape == (2, 10)
        logits.sum().backward()
    assert all(weights.grad is not None for weights in network.parameters())


@named
@settings(max_examples=6)
@given(generator=strategies.generators)
def test_a_sample_is_contained_and_its_neighbours_are_valid_different_and_mutual(
    space: Space, generator: random.Random
) -> None:
    architecture = space.sample(generator)
    assert space.contains(architecture)
    neighbours = list(space.neighbours(architecture))
    ids = {neighbour.architecture_id for neighbour in neighbours}
    assert len(ids) == len(neighbours)
    assert architecture.architecture_id not in ids
    for neighbour in generator.sample(neighbours, 5):
        assert space.contains(neighbour)
        assert architecture in space.neighbours(neighbour)


@named
@given(generator=strategies.generators)
def test_points_and_architectures_convert_both_ways(space: Space, generator: random.Random) -> None:
    architecture = space.decode(space.at(generator.randrange(space.grid_size)))
    assert space.decode(space.encode(architecture)) == architecture


def test_sizes() -> None:
    """2 operators, 2 kernels and 3 expansions make 12 forms per number of layers above 0."""
    assert efficientnet_b4().size == (4 * 12) * (5 * 12) ** 5 * (3 * 12 + 1)
    assert efficientnetv2().size == (3 * 12) * (5 * 12) ** 5
    assert medium().size == (2 * 12) * (3 * 12) ** 3 * (4 * 12) ** 2
    assert small().size == (2 * 12) * (3 * 12) ** 2 * (3 * 12 + 1)


def test_vertex_ais_space() -> None:
    """The choices of google/vertex-ai-nas, and their number by hand.

    2 operators, 4 expansions, 2 kernels, 2 ratios, 3 widths and 2 activations make 192 forms; the
    first stage has 2 numbers of layers and the other five have 3.
    """
    space = vertex_efficientnetv2()
    assert 2 * 4 * 2 * 2 * 3 * 2 == 192
    assert space.size == space.grid_size == (2 * 192) * (3 * 192) ** 5 == 24_346_898_290_704_384
    assert space.contains(published("efficientnetv2-b0").architecture)
    assert [choices.channels for choices in space.choices] == [
        (12, 16, 20), (24, 32, 40), (36, 48, 60), (72, 96, 120), (84, 112, 140), (144, 192, 240)
    ]  # fmt: skip
    layers = [choices.layers for choices in space.choices]
    assert layers == [(1, 2), (1, 2, 3), (1, 2, 3), (2, 3, 4), (4, 5, 6), (7, 8, 9)]
    for choices in space.choices:
        assert set(choices.operator) == {"mbconv", "fused_mbconv"}
        assert (choices.expansion, choices.kernel) == ((1, 2, 4, 6), (3, 5))
        assert (choices.se_ratio, choices.activation) == ((0, 0.25), ("silu", "relu"))


# Computed before a space could choose more than the paper's does.
@pytest.mark.parametrize(
    ("name", "samples", "neighbours"),
    [
        ("efficientnet-b4", "bacb131172b3", "06e5d2796e38"),
        ("efficientnetv2", "b02871444b5b", "c8e0dacbf3fe"),
        ("medium", "bb7dcd811ec9", "df2305a31574"),
        ("small", "10fd60926c8d", "53257ee669a8"),
    ],
)
def test_samples_and_neighbours_stay_the_same_from_release_to_release(
    name: str, samples: str, neighbours: str
) -> None:
    space, generator = SPACES[name](32), random.Random(1)
    assert _digest(space.sample(generator) for _ in range(50)) == samples
    assert _digest(space.neighbours(space.backbone)) == neighbours
    choices = {choice.partition(".")[2] for choice in space.options()}
    assert choices == {"operator", "layers", "kernel", "expansion"}


def _digest(architectures: Iterable[Architecture]) -> str:
    ids = " ".join(architecture.architecture_id for architecture in architectures)
    return hashlib.sha256(ids.encode()).hexdigest()[:12]


def test_the_medium_space_is_around_efficientnetv2_b0() -> None:
    space = medium()
    assert space.backbone == published("efficientnetv2-b0").architecture
    for stage, choices in zip(space.backbone.stages, space.choices, strict=True):
        assert stage.layers in choices.layers
        assert len(choices.layers) > 1


def test_the_papers_space_is_efficientnet_b4s() -> None:
    space = efficientnet_b4()
    assert space.backbone == published("efficientnet-b4").architecture
    for choices in space.choices:
        assert set(choices.operator) == {"mbconv", "fused_mbconv"}
        assert set(choices.kernel) == {3, 5}
        assert set(choices.expansion) == {1, 4, 6}


@pytest.mark.parametrize("i", range(7))
def test_the_papers_space_allows_more_and_fewer_layers(i: int) -> None:
    own = efficientnet_b4().backbone.stages[i].layers
    layers = efficientnet_b4().choices[i].layers
    assert min(layers) < own < max(layers)


FUSED_EARLY = {f"stage{i}.operator": "fused_mbconv" for i in (1, 2, 3)}
SMALLER_EXPANSION = {f"stage{i}.expansion": 4 for i in (2, 3, 4)}
SMALL_KERNELS_MORE_LAYERS = {f"stage{i}.kernel": 3 for i in range(1, 8)} | {
    "stage4.layers": 8,
    "stage5.layers": 9,
    "stage6.layers": 15,
}
NO_LAST_STAGE = {"stage7.layers": 0}


@pytest.mark.parametrize(
    "found",
    [
        FUSED_EARLY,
        SMALLER_EXPANSION,
        SMALL_KERNELS_MORE_LAYERS,
        NO_LAST_STAGE,
        FUSED_EARLY | SMALLER_EXPANSION | SMALL_KERNELS_MORE_LAYERS | NO_LAST_STAGE,
    ],
)
def test_what_the_paper_found_is_in_its_space(found: dict[str, str | int]) -> None:
    """The four ways in which the winner differs from the backbone (EfficientNetV2, section 3.3)."""
    space = efficientnet_b4()
    stages = [
        _changed(stage_number, space, found)
        for stage_number in range(1, 8)
        if found.get(f"stage{stage_number}.layers") != 0
    ]
    assert space.contains(replace(space.backbone, stages=tuple(stages)))


def test_efficientnetv2_s_is_in_its_space() -> None:
    space = efficientnetv2()
    assert space.contains(EFFICIENTNETV2_S)
    assert space.decode(space.encode(EFFICIENTNETV2_S)) == EFFICIENTNETV2_S


@pytest.mark.parametrize(
    ("size", "name"),
    [(8, "small"), (64, "small"), (65, "medium"), (200, "medium"), (201, "efficientnet-b4")],
)
def test_the_default_follows_the_image_size(size: int, name: str) -> None:
    assert default_space(size) == name


def _changed(i: int, space: Space, found: dict[str, str | int]) -> Stage:
    own = space.backbone.stages[i - 1]
    change = {key.split(".")[1]: v for key, v in found.items() if key.startswith(f"stage{i}.")}
    stage = replace(own, **change)  # type: ignore[arg-type]
    return replace(stage, se_ratio=0.25 if stage.operator == "mbconv" else 0.0)
