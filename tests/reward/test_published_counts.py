"""Multiply-adds of every named network, beside published figures and a formula by hand.

They are for one image of the evaluation size. torchvision's are in its tables of weights. The
papers' are EfficientNet's Table 2 and EfficientNetV2's Table 7, and those of V2-B0 to B3 are in
google/automl's README. The papers do not say how they count; theirs and torchvision's differ by up
to 6 %. fvcore's were counted with 0.1.5, by the whole of its rule, which has two more multiply-adds
for each value of a batch normalisation; timm counts so too, and its figures are in its model cards.
"""

from __future__ import annotations

import math
from functools import cache

import pytest

from results.multiply_adds import by_todays_rule, normalised_values
from reward.complexity import Complexity, architecture_complexity
from search_space.architecture import Architecture, Block
from search_space.published import PUBLISHED, published
from search_space.task import IMAGENET

# Parameters are in tests/search_space/test_published.py.
MULTIPLY_ADDS = {
    "efficientnet-b0": 385_814_752,
    "efficientnet-b1": 686_802_832,
    "efficientnet-b2": 993_561_872,
    "efficientnet-b3": 1_827_141_392,
    "efficientnet-b4": 4_393_771_024,
    "efficientnet-b5": 10_266_384_752,
    "efficientnet-b6": 19_067_593_536,
    "efficientnet-b7": 37_745_884_192,
    "efficientnet-b8": 62_597_461_568,
    "efficientnet-l2": 475_703_653_280,
    "efficientnetv2-b0": 718_086_176,
    "efficientnetv2-b1": 1_196_819_360,
    "efficientnetv2-b2": 1_697_542_832,
    "efficientnetv2-b3": 3_011_458_816,
    "efficientnetv2-s": 8_365_617_152,
    "efficientnetv2-m": 24_582_460_384,
    "efficientnetv2-l": 56_079_699_008,
    "efficientnetv2-xl": 93_353_451_520,
    "efficientnet-edgetpu-s": 1_788_731_008,
    "efficientnet-edgetpu-m": 3_013_321_088,
    "efficientnet-edgetpu-l": 7_865_522_848,
}

# In 10^9, rounded to the last digit. It evaluates B2 at 288 px, which the paper does at 260.
TORCHVISION = {
    "efficientnet-b0": 0.386,
    "efficientnet-b1": 0.687,
    "efficientnet-b3": 1.827,
    "efficientnet-b4": 4.394,
    "efficientnet-b5": 10.266,
    "efficientnet-b6": 19.068,
    "efficientnet-b7": 37.746,
    "efficientnetv2-s": 8.366,
    "efficientnetv2-m": 24.582,
    "efficientnetv2-l": 56.080,
}

PAPERS = {
    "efficientnet-b0": 0.39,
    "efficientnet-b1": 0.70,
    "efficientnet-b2": 1.0,
    "efficientnet-b3": 1.8,
    "efficientnet-b4": 4.2,
    "efficientnet-b5": 9.9,
    "efficientnet-b6": 19,
    "efficientnet-b7": 37,
    "efficientnetv2-b0": 0.72,
    "efficientnetv2-b1": 1.2,
    "efficientnetv2-b2": 1.7,
    "efficientnetv2-b3": 3.0,
    "efficientnetv2-s": 8.8,
    "efficientnetv2-m": 24,
    "efficientnetv2-l": 53,
    "efficientnetv2-xl": 94,
}

FVCORE = {
    "efficientnet-b0": 399_290_144,
    "efficientnet-b7": 38_325_614_720,
    "efficientnetv2-b3": 3_042_879_200,
    "efficientnetv2-s": 8_437_078_016,
    "efficientnetv2-xl": 93_847_724_032,
}


# In 10^9, with batch normalisation. L's first layer has 8 channels more inside than ours.
TIMM = {
    "efficientnet-b8": 63.5,
    "efficientnet-l2": 479.1,
    "efficientnet-edgetpu-s": 1.81,
    "efficientnet-edgetpu-m": 3.04,
    "efficientnet-edgetpu-l": 8.00 - 0.07,
}


@cache
def _counted(name: str) -> Complexity:
    network = published(name)
    return architecture_complexity(network.architecture, IMAGENET, network.eval_size)


def test_every_named_network_has_its_figure() -> None:
    assert set(PUBLISHED) == set(MULTIPLY_ADDS)


@pytest.mark.parametrize("name", PUBLISHED)
def test_multiply_adds(name: str) -> None:
    assert _counted(name).multiply_adds == MULTIPLY_ADDS[name]


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_formula_by_hand_gives_the_same(name: str) -> None:
    network = published(name)
    assert by_hand(network.architecture, network.eval_size) == MULTIPLY_ADDS[name]


@pytest.mark.parametrize("name", TORCHVISION)
def test_they_are_torchvisions(name: str) -> None:
    assert round(MULTIPLY_ADDS[name] / 1e9, 3) == TORCHVISION[name]


@pytest.mark.parametrize("name", PAPERS)
def test_they_are_near_the_papers(name: str) -> None:
    assert MULTIPLY_ADDS[name] / 1e9 == pytest.approx(PAPERS[name], rel=0.06)


@pytest.mark.parametrize("name", FVCORE)
def test_a_count_of_an_earlier_release_is_converted(name: str) -> None:
    network = published(name)
    converted = by_todays_rule(FVCORE[name], None, network.architecture, network.eval_size)
    assert converted == MULTIPLY_ADDS[name]


@pytest.mark.parametrize("name", TIMM)
def test_they_are_timms_with_batch_normalisation(name: str) -> None:
    network = published(name)
    values = normalised_values(network.architecture, network.eval_size)
    assert values
    assert (MULTIPLY_ADDS[name] + 2 * values) / 1e9 == pytest.approx(TIMM[name], rel=0.003)


def by_hand(architecture: Architecture, image_size: int, classes: int = 1000) -> int:
    """Return the multiply-adds of a network's convolutions and classifier, layer by layer."""
    side = math.ceil(image_size / architecture.stem_stride)
    count, channels = side**2 * 9 * 3 * architecture.stem_channels, architecture.stem_channels
    for block in architecture.blocks():
        before, side = side**2, math.ceil(side / block.stride)
        count, channels = count + _of_block(block, before, side**2), block.out_channels
    return count + architecture.head_channels * (channels * side**2 + classes)


def _of_block(block: Block, before: int, after: int) -> int:
    """Return the multiply-adds of MBConv or Fused-MBConv, with so many pixels before and after."""
    inputs, hidden, outputs = block.in_channels, block.hidden_channels, block.out_channels
    squeeze = 2 * hidden * block.squeeze_channels
    if block.operator == "mbconv":
        expand = 0 if hidden == inputs else before * inputs * hidden
        return expand + after * hidden * (block.kernel**2 + outputs) + squeeze
    assert block.operator == "fused_mbconv"
    if hidden == inputs:
        return after * block.kernel**2 * inputs * outputs
    return after * hidden * (block.kernel**2 * inputs + outputs) + squeeze
