"""The published networks, whose figures are reproduced exactly.

Parameters: torchvision's table for B0 to B7 and V2-S, M, L; timm's for V2-B0 to B3 and XL.
Multiply-adds: torchvision's. Layouts: EfficientNet, Table 1; EfficientNetV2, Table 4, and
google/automl's code.
"""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from search_space.network import Network
from search_space.published import PUBLISHED, published

PARAMETERS = {
    "efficientnet-b0": 5_288_548,
    "efficientnet-b1": 7_794_184,
    "efficientnet-b2": 9_109_994,
    "efficientnet-b3": 12_233_232,
    "efficientnet-b4": 19_341_616,
    "efficientnet-b5": 30_389_784,
    "efficientnet-b6": 43_040_704,
    "efficientnet-b7": 66_347_960,
    "efficientnetv2-b0": 7_139_704,
    "efficientnetv2-b1": 8_141_052,
    "efficientnetv2-b2": 10_096_086,
    "efficientnetv2-b3": 14_358_406,
    "efficientnetv2-s": 21_458_488,
    "efficientnetv2-m": 54_139_356,
    "efficientnetv2-l": 118_515_272,
    "efficientnetv2-xl": 208_119_808,
}

# In 10^9, at the evaluation size.
MULTIPLY_ADDS_G = {
    "efficientnet-b0": 0.386,
    "efficientnet-b4": 4.394,
    "efficientnetv2-s": 8.366,
    "efficientnetv2-m": 24.582,
    "efficientnetv2-l": 56.080,
}

# layers, channels, expansions, kernels, operators (F: fused_mbconv), strides, stem, head
TABLES = {
    "efficientnet-b0": (
        (1, 2, 2, 3, 3, 4, 1),
        (16, 24, 40, 80, 112, 192, 320),
        (1, 6, 6, 6, 6, 6, 6),
        (3, 3, 5, 3, 5, 5, 3),
        "MMMMMMM",
        (1, 2, 2, 2, 1, 2, 1),
        32,
        1280,
    ),
    "efficientnet-b4": (
        (2, 4, 4, 6, 6, 8, 2),
        (24, 32, 56, 112, 160, 272, 448),
        (1, 6, 6, 6, 6, 6, 6),
        (3, 3, 5, 3, 5, 5, 3),
        "MMMMMMM",
        (1, 2, 2, 2, 1, 2, 1),
        48,
        1792,
    ),
    "efficientnetv2-b0": (
        (1, 2, 2, 3, 5, 8),
        (16, 32, 48, 96, 112, 192),
        (1, 4, 4, 4, 6, 6),
        (3, 3, 3, 3, 3, 3),
        "FFFMMM",
        (1, 2, 2, 2, 1, 2),
        32,
        1280,
    ),
    "efficientnetv2-s": (
        (2, 4, 4, 6, 9, 15),
        (24, 48, 64, 128, 160, 256),
        (1, 4, 4, 4, 6, 6),
        (3, 3, 3, 3, 3, 3),
        "FFFMMM",
        (1, 2, 2, 2, 1, 2),
        24,
        1280,
    ),
    "efficientnetv2-m": (
        (3, 5, 5, 7, 14, 18, 5),
        (24, 48, 80, 160, 176, 304, 512),
        (1, 4, 4, 4, 6, 6, 6),
        (3, 3, 3, 3, 3, 3, 3),
        "FFFMMMM",
        (1, 2, 2, 2, 1, 2, 1),
        24,
        1280,
    ),
    "efficientnetv2-l": (
        (4, 7, 7, 10, 19, 25, 7),
        (32, 64, 96, 192, 224, 384, 640),
        (1, 4, 4, 4, 6, 6, 6),
        (3, 3, 3, 3, 3, 3, 3),
        "FFFMMMM",
        (1, 2, 2, 2, 1, 2, 1),
        32,
        1280,
    ),
    "efficientnetv2-xl": (
        (4, 8, 8, 16, 24, 32, 8),
        (32, 64, 96, 192, 256, 512, 640),
        (1, 4, 4, 4, 6, 6, 6),
        (3, 3, 3, 3, 3, 3, 3),
        "FFFMMMM",
        (1, 2, 2, 2, 1, 2, 1),
        32,
        1280,
    ),
}

# train size, evaluation size, dropout
SIZES = {
    "efficientnet-b0": (224, 224, 0.2),
    "efficientnet-b1": (240, 240, 0.2),
    "efficientnet-b2": (260, 260, 0.3),
    "efficientnet-b3": (300, 300, 0.3),
    "efficientnet-b4": (380, 380, 0.4),
    "efficientnet-b5": (456, 456, 0.4),
    "efficientnet-b6": (528, 528, 0.5),
    "efficientnet-b7": (600, 600, 0.5),
    "efficientnetv2-b0": (192, 224, 0.2),
    "efficientnetv2-b1": (192, 240, 0.2),
    "efficientnetv2-b2": (208, 260, 0.3),
    "efficientnetv2-b3": (240, 300, 0.3),
    "efficientnetv2-s": (300, 384, 0.2),
    "efficientnetv2-m": (384, 480, 0.3),
    "efficientnetv2-l": (384, 480, 0.4),
    "efficientnetv2-xl": (384, 512, 0.4),
}


def test_every_published_network_has_its_figures() -> None:
    assert set(PUBLISHED) == set(PARAMETERS) == set(SIZES)


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters(name: str) -> None:
    with torch.device("meta"):
        network = Network(published(name).architecture)
    assert sum(weights.numel() for weights in network.parameters()) == PARAMETERS[name]


@pytest.mark.parametrize("name", MULTIPLY_ADDS_G)
def test_multiply_adds(name: str) -> None:
    size = published(name).eval_size
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        network = Network(published(name).architecture).eval()
        network(torch.empty(1, 3, size, size))
    # Two operations are one multiply-add.
    assert counter.get_total_flops() / 2e9 == pytest.approx(MULTIPLY_ADDS_G[name], rel=0.002)


@pytest.mark.parametrize("name", TABLES)
def test_tables(name: str) -> None:
    architecture = published(name).architecture
    stages = architecture.stages
    assert TABLES[name] == (
        tuple(stage.layers for stage in stages),
        tuple(stage.channels for stage in stages),
        tuple(stage.expansion for stage in stages),
        tuple(stage.kernel for stage in stages),
        "".join("F" if stage.operator == "fused_mbconv" else "M" for stage in stages),
        tuple(stage.stride for stage in stages),
        architecture.stem_channels,
        architecture.head_channels,
    )
    assert all(stage.se_ratio == (0.25 if stage.operator == "mbconv" else 0) for stage in stages)


@pytest.mark.parametrize(("name", "head"), [("b2", 1408), ("b3", 1536)])
def test_the_head_widens_with_the_rest(name: str, head: int) -> None:
    assert published(f"efficientnetv2-{name}").architecture.head_channels == head
    assert published(f"efficientnet-{name}").architecture.head_channels == head


@pytest.mark.parametrize("name", PUBLISHED)
def test_sizes_and_dropout(name: str) -> None:
    network = published(name)
    assert (network.train_size, network.eval_size, network.dropout) == SIZES[name]
    assert network.name == name


def test_another_name_is_no_network() -> None:
    with pytest.raises(KeyError):
        published("resnet50")
