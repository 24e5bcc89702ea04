"""The operators, layer by layer, as in EfficientNetV2, Figure 2."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from search_space.architecture import ACTIVATIONS, Block
from search_space.modules import SqueezeExcitation
from search_space.operators import OPERATORS, fused_mbconv, mbconv

BLOCK = Block(
    operator="mbconv",
    kernel=5,
    stride=2,
    in_channels=8,
    hidden_channels=32,
    out_channels=12,
    squeeze_channels=2,
)

_ACTIVATION_TYPES = (nn.SiLU, nn.ReLU, nn.ReLU6, nn.Hardswish, nn.GELU, nn.Mish)


def _layers(module: nn.Module) -> list[str]:
    """The convolutions as ``kernel x in -> out / groups``, other modules by name."""
    return [
        f"{child.kernel_size[0]}x {child.in_channels} -> {child.out_channels} / {child.groups}"
        if isinstance(child, nn.Conv2d)
        else type(child).__name__
        for child in module.children()
    ]


def test_mbconv() -> None:
    assert _layers(mbconv(BLOCK)) == [
        *("1x 8 -> 32 / 1", "BatchNorm2d", "SiLU"),
        *("5x 32 -> 32 / 32", "BatchNorm2d", "SiLU"),
        "SqueezeExcitation",
        *("1x 32 -> 12 / 1", "BatchNorm2d"),
    ]


def test_mbconv_without_expansion_has_no_first_convolution() -> None:
    block = Block("mbconv", 3, 1, 8, 8, 8, 0)
    assert _layers(mbconv(block)) == [
        *("3x 8 -> 8 / 8", "BatchNorm2d", "SiLU"),
        *("1x 8 -> 8 / 1", "BatchNorm2d"),
    ]


def test_fused_mbconv() -> None:
    assert _layers(fused_mbconv(BLOCK)) == [
        *("5x 8 -> 32 / 1", "BatchNorm2d", "SiLU"),
        "SqueezeExcitation",
        *("1x 32 -> 12 / 1", "BatchNorm2d"),
    ]


def test_fused_mbconv_without_expansion_is_one_convolution() -> None:
    block = Block("fused_mbconv", 3, 1, 8, 8, 12, 0)
    assert _layers(fused_mbconv(block)) == ["3x 8 -> 12 / 1", "BatchNorm2d", "SiLU"]


def test_squeeze_and_excitation_is_as_wide_as_its_block_says() -> None:
    (excitation,) = (m for m in mbconv(BLOCK).modules() if isinstance(m, SqueezeExcitation))
    assert (excitation.reduce.in_channels, excitation.reduce.out_channels) == (32, 2)
    assert (excitation.expand.in_channels, excitation.expand.out_channels) == (2, 32)
    assert excitation.reduce.bias is not None
    assert excitation.expand.bias is not None


def test_squeeze_and_excitation_scales_whole_channels() -> None:
    x = torch.randn(2, 6, 5, 5)
    scale = SqueezeExcitation(6, 3)(x) / x
    assert torch.allclose(scale, scale[:, :, :1, :1].expand_as(scale), atol=1e-5)
    assert scale.min() > 0
    assert scale.max() < 1


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_activation_is_the_blocks(name: str, activation: str) -> None:
    """Everywhere in the block, in squeeze-and-excitation too."""
    modules = list(OPERATORS[name](replace(BLOCK, activation=activation)).modules())
    kinds = [type(module).__name__ for module in modules if isinstance(module, _ACTIVATION_TYPES)]
    by_name = dict(zip(ACTIVATIONS, _ACTIVATION_TYPES, strict=True))
    assert len(kinds) >= 2
    assert set(kinds) == {by_name[activation].__name__}


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [1, 3, 7])
def test_an_operator_divides_the_size_by_its_stride_rounded_up(
    name: str, stride: int, kernel: int
) -> None:
    block = Block(name, kernel, stride, 8, 16, 12, 2)
    y = OPERATORS[name](block)(torch.zeros(1, 8, 7, 10))
    assert y.shape == (1, 12, -(-7 // stride), -(-10 // stride))


@pytest.mark.parametrize("name", ["mbconv", "fused_mbconv"])
def test_only_squeeze_and_excitation_has_biases(name: str) -> None:
    operator = OPERATORS[name](BLOCK)
    for child in operator.children():
        if isinstance(child, nn.Conv2d):
            assert child.bias is None
