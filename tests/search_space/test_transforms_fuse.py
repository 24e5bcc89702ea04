"""Fused-MBConv in some stages, compared with EfficientNetV2's Table 3."""

from __future__ import annotations

import pytest

from reward.complexity import count_parameters
from search_space.published import published
from search_space.task import IMAGENET
from search_space.transforms import fuse

B4 = published("efficientnet-b4").architecture


@pytest.mark.parametrize(("last", "published_count"), [(5, 43.4e6), (7, 132.0e6)])
def test_b4_has_the_published_parameters(last: int, published_count: float) -> None:
    assert count_parameters(fuse(B4, 1, last), IMAGENET) == pytest.approx(
        published_count, rel=0.005
    )


def test_only_the_named_stages_change() -> None:
    fused = fuse(B4, 2, 3)
    for i, (before, after) in enumerate(zip(B4.stages, fused.stages, strict=True), 1):
        if i in (2, 3):
            assert (after.operator, after.se_ratio) == ("fused_mbconv", 0)
            assert (after.channels, after.layers, after.expansion) == (
                before.channels,
                before.layers,
                before.expansion,
            )
        else:
            assert after == before


@pytest.mark.parametrize(("first", "last"), [(0, 1), (2, 1), (1, 8)])
def test_stages_that_are_not_there(first: int, last: int) -> None:
    with pytest.raises(ValueError, match="must be within 1 to 7"):
        fuse(B4, first, last)
