"""The published networks, whose figures are reproduced exactly.

Parameters: torchvision's table for B0 to B7 and V2-S, M, L; timm's for V2-B0 to B3, XL, B8, L2, and
EfficientNet-EdgeTPU, of which L has 3,152 more there: its first layer has 8 more channels inside.
Multiply-adds: tests/reward/test_published_counts.py. Layouts: EfficientNet, Table 1;
EfficientNetV2, Table 4, and google/automl's code.
"""

from __future__ import annotations

import pytest
import torch

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
    "efficientnet-b8": 87_413_142,
    "efficientnet-l2": 480_309_308,
    "efficientnetv2-b0": 7_139_704,
    "efficientnetv2-b1": 8_141_052,
    "efficientnetv2-b2": 10_096_086,
    "efficientnetv2-b3": 14_358_406,
    "efficientnetv2-s": 21_458_488,
    "efficientnetv2-m": 54_139_356,
    "efficientnetv2-l": 118_515_272,
    "efficientnetv2-xl": 208_119_808,
    "efficientnet-edgetpu-s": 5_438_392,
    "efficientnet-edgetpu-m": 6_899_496,
    "efficientnet-edgetpu-l": 10_589_712 - 3_152,
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
    "efficientnet-b8": (672, 672, 0.5),
    "efficientnet-l2": (800, 800, 0.5),
    "efficientnetv2-b0": (192, 224, 0.2),
    "efficientnetv2-b1": (192, 240, 0.2),
    "efficientnetv2-b2": (208, 260, 0.3),
    "efficientnetv2-b3": (240, 300, 0.3),
    "efficientnetv2-s": (300, 384, 0.2),
    "efficientnetv2-m": (384, 480, 0.3),
    "efficientnetv2-l": (384, 480, 0.4),
    "efficientnetv2-xl": (384, 512, 0.4),
    "efficientnet-edgetpu-s": (224, 224, 0.2),
    "efficientnet-edgetpu-m": (240, 240, 0.2),
    "efficientnet-edgetpu-l": (300, 300, 0.3),
}


def test_every_published_network_has_its_figures() -> None:
    assert set(PUBLISHED) == set(PARAMETERS) == set(SIZES)


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters(name: str) -> None:
    with torch.device("meta"):
        network = Network(published(name).architecture)
    assert sum(weights.numel() for weights in network.parameters()) == PARAMETERS[name]


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


# layers and channels of google's six stages, stem, head
EDGETPU = {
    "s": ((1, 2, 4, 5, 4, 2), (24, 32, 48, 96, 144, 192), 32, 1280),
    "m": ((2, 3, 5, 6, 5, 3), (24, 32, 48, 96, 144, 192), 32, 1280),
    "l": ((2, 3, 6, 7, 6, 3), (32, 40, 56, 112, 176, 232), 40, 1536),
}


@pytest.mark.parametrize("name", EDGETPU)
def test_edgetpu_networks(name: str) -> None:
    """Three fused stages, then three of MBConv with kernel 5; ReLU, and no SE."""
    layers, channels, stem, head = EDGETPU[name]
    architecture = published(f"efficientnet-edgetpu-{name}").architecture
    assert (architecture.stem_channels, architecture.head_channels) == (stem, head)
    blocks = list(architecture.blocks())
    assert len(blocks) == sum(layers)
    assert [b.out_channels for b in blocks] == [
        c for n, c in zip(layers, channels, strict=True) for _ in range(n)
    ]
    fused = sum(layers[:3])
    assert {(b.operator, b.kernel) for b in blocks[:fused]} == {("fused_mbconv", 3)}
    assert {(b.operator, b.kernel) for b in blocks[fused:]} == {("mbconv", 5)}
    assert all((b.activation, b.squeeze_channels) == ("relu", 0) for b in blocks)
    assert {b.hidden_channels // b.in_channels for b in blocks[layers[0] :]} == {8}
    assert blocks[0].hidden_channels == 3 * stem  # 4 times the channels that it puts out: 96, 96
    assert all(b.hidden_channels == 4 * channels[0] for b in blocks[1 : layers[0]])
    strides = [b.stride for b in blocks]
    assert [i for i, stride in enumerate(strides) if stride == 2] == [
        sum(layers[:stage]) for stage in (1, 2, 3, 5)
    ]


def test_another_name_is_no_network() -> None:
    with pytest.raises(KeyError):
        published("resnet50")
