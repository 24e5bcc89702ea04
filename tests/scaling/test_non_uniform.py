"""EfficientNetV2's rule: the published family from its S, and its invariants for any network."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling.non_uniform import PHI, depth, depth_factors, grow, has_closing, later_depth
from search_space.architecture import Architecture, Stage
from search_space.published import EFFICIENTNETV2_S, published
from tests.scaling.networks import NAMED, parameters, sampled
from tests.search_space import strategies

LARGER = ("M", "L", "XL")


def _published(name: str) -> Architecture:
    return published(f"efficientnetv2-{name.lower()}").architecture


@pytest.mark.parametrize(
    ("name", "layers"), [("M", (3, 5, 5, 7, 14, 18, 5)), ("L", (4, 7, 7, 10, 19, 25, 7))]
)
def test_layers_of_m_and_l_from_s_are_the_published(name: str, layers: tuple[int, ...]) -> None:
    """EfficientNetV2's public code."""
    assert tuple(stage.layers for stage in grow(EFFICIENTNETV2_S, PHI[name]).stages) == layers


@pytest.mark.parametrize("name", ["M", "L"])
def test_m_and_l_from_s_are_within_8_channels_and_2_per_cent_of_the_published(name: str) -> None:
    grown, aim = grow(EFFICIENTNETV2_S, PHI[name]), _published(name)
    for stage, published_stage in zip(grown.stages, aim.stages, strict=True):
        assert abs(stage.channels - published_stage.channels) <= 8
        same = {"channels": stage.channels, "layers": stage.layers}
        assert replace(published_stage, **same) == stage  # type: ignore[arg-type]
    assert grown.stem_channels == aim.stem_channels
    assert grown.head_channels == aim.head_channels
    assert parameters(grown) == pytest.approx(parameters(aim), rel=0.02)


def test_how_near_xl_from_s_comes() -> None:
    """Published: 4,8,8,16,24,32,8 and 208.1 M."""
    grown = grow(EFFICIENTNETV2_S, PHI["XL"])
    assert [stage.layers for stage in grown.stages] == [4, 8, 8, 12, 23, 30, 8]
    assert 0.80 < parameters(grown) / 208_119_808 < 0.85


def test_every_stage_is_at_least_as_deep_and_wide_and_nothing_else_changes() -> None:
    for base in sampled():
        for name in LARGER:
            _check_kept(base, grow(base, PHI[name]))


def test_parameters_strictly_grow_from_s_to_xl() -> None:
    for base in sampled():
        counts = [parameters(grow(base, phi)) for phi in PHI.values()]
        assert all(small < large for small, large in pairwise(counts)), base


def test_later_stages_grow_by_at_least_the_factor_of_the_earlier() -> None:
    for base in sampled():
        for name in LARGER:
            factors = depth_factors(base, PHI[name])
            assert factors == sorted(factors[:-1]) + factors[-1:]
            assert factors[-1] >= factors[0]
            grown = grow(base, PHI[name])
            for before, after, factor in zip(base.stages, grown.stages, factors, strict=False):
                assert after.layers >= factor * before.layers
            earlier = zip(base.stages[:-2], grown.stages, strict=False)
            for before, after in list(earlier)[: len(base.stages) - 2 - has_closing(base)]:
                assert after.layers == math.ceil(factors[0] * before.layers)


def test_a_closing_stage_is_added_for_m_and_larger_where_there_is_none() -> None:
    for base in sampled():
        for name in LARGER:
            grown = grow(base, PHI[name])
            assert len(grown.stages) == len(base.stages) + (not has_closing(base))
            last, closing = grown.stages[-2:]
            if not has_closing(base):
                form = {"channels": last.channels, "layers": last.layers, "stride": last.stride}
                assert replace(closing, **form) == last  # type: ignore[arg-type]
                assert closing.stride == 1
                assert closing.channels > last.channels


def test_the_stages_before_a_closing_one_are_the_later() -> None:
    b4 = NAMED[0].backbone
    assert has_closing(b4)
    assert depth_factors(b4, 1) == [depth(1)] * 4 + [later_depth(1)] * 3
    without = replace(b4, stages=b4.stages[:-1])
    assert depth_factors(without, 1) == [depth(1)] * 4 + [later_depth(1), depth(1)]


def test_s_is_the_base_itself() -> None:
    for base in sampled(50):
        assert grow(base, 0) == base


def test_between_sizes_no_stage_gets_shallower_or_narrower() -> None:
    for base in sampled(30):
        members = [grow(base, i / 8) for i in range(33)]
        for small, large in pairwise(members):
            _check_kept(small, large)
            assert parameters(small) <= parameters(large)


@settings(max_examples=400)
@given(base=strategies.architectures)
def test_any_network_keeps_the_invariants(base: Architecture) -> None:
    """One stage or five, any stride, operators of one's own, channels that are no multiple of 8."""
    members = [grow(base, phi) for phi in PHI.values()]
    for small, large in pairwise(members):
        _check_kept(small, large)
        assert parameters(small) < parameters(large)


@given(base=strategies.architectures, phi=st.floats(0, 4))
def test_any_coefficient_lies_between_its_neighbours(base: Architecture, phi: float) -> None:
    grown = grow(base, phi)
    _check_kept(grow(base, math.floor(phi)), grown)
    _check_kept(grown, grow(base, math.ceil(phi)))


@pytest.mark.parametrize("phi", [-0.1, 4.1, math.nan])
def test_a_coefficient_out_of_range_is_refused(phi: float) -> None:
    with pytest.raises(ValueError, match="phi: got"):
        grow(EFFICIENTNETV2_S, phi)


def test_one_stage_alone_grows() -> None:
    base = Architecture((Stage("mbconv", 3, 1, 4, 16, 1),), stem_channels=16)
    assert [s.layers for s in grow(base, 1).stages] == [2, 1]


def _check_kept(base: Architecture, grown: Architecture) -> None:
    for before, after in zip(base.stages, grown.stages, strict=False):
        assert after.layers >= before.layers
        assert after.channels >= before.channels
        same = {"channels": after.channels, "layers": after.layers}
        assert replace(before, **same) == after  # type: ignore[arg-type]
    assert len(base.stages) <= len(grown.stages) <= len(base.stages) + 1
    assert grown.stem_stride == base.stem_stride
    assert grown.stem_channels >= base.stem_channels
    assert grown.head_channels == base.head_channels
