"""Width and depth multipliers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_space.architecture import Architecture, Stage
from search_space.published import EFFICIENTNET_B0
from search_space.transforms import multiply, to_nearest_8, to_nearest_8_guarded
from tests.search_space import strategies


@pytest.mark.parametrize(
    ("channels", "nearest", "guarded"),
    [(1, 8, 8), (11.9, 8, 16), (12, 16, 16), (35.2, 32, 32), (123.2, 120, 120), (19.2, 16, 24)],
)
def test_rounding(channels: float, nearest: int, guarded: int) -> None:
    """EfficientNetV2's public code rounds to the nearest; EfficientNet's limits rounding down."""
    assert to_nearest_8(channels) == nearest
    assert to_nearest_8_guarded(channels) == guarded


@given(st.floats(1, 5000))
def test_rounding_stays_near(channels: float) -> None:
    nearest, guarded = to_nearest_8(channels), to_nearest_8_guarded(channels)
    assert nearest % 8 == guarded % 8 == 0
    assert nearest == 8 or abs(nearest - channels) <= 4
    assert guarded >= 0.9 * channels
    assert guarded - nearest in (0, 8)


@given(strategies.architectures)
def test_layers_are_multiplied_and_rounded_up(architecture: Architecture) -> None:
    doubled = multiply(architecture, width=1, depth=2)
    assert [stage.layers for stage in doubled.stages] == [
        2 * stage.layers for stage in architecture.stages
    ]


def test_a_whole_product_is_not_rounded_up() -> None:
    """1.1 * 10 is 11.000000000000002 in floating point."""
    ten = Architecture((Stage("mbconv", 3, 1, 4, 16, 10),), stem_channels=16)
    assert multiply(ten, width=1, depth=1.1).stages[0].layers == 11


def test_by_one_is_the_same() -> None:
    assert multiply(EFFICIENTNET_B0, width=1, depth=1) == EFFICIENTNET_B0


def test_the_head_never_narrows() -> None:
    half = multiply(EFFICIENTNET_B0, width=0.5, depth=1)
    assert half.head_channels == 1280
    assert half.stem_channels == 16
    assert [stage.channels for stage in half.stages] == [8, 16, 24, 40, 56, 96, 160]


@given(strategies.architectures, st.floats(0.25, 4), st.floats(0.25, 4))
def test_all_else_stays(architecture: Architecture, width: float, depth: float) -> None:
    resized = multiply(architecture, width, depth)
    assert resized.stem_stride == architecture.stem_stride
    for was, now in zip(architecture.stages, resized.stages, strict=True):
        assert (was.operator, was.kernel, was.stride, was.expansion, was.se_ratio) == (
            (now.operator, now.kernel, now.stride, now.expansion, now.se_ratio)
        )
