"""Shrinking an S to B0 to B3: EfficientNetV2, Table 11."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.non_uniform import shrink
from scaling.scaled import check_shrunk
from search_space.architecture import Architecture
from search_space.published import EFFICIENTNETV2_S, published
from tests.scaling.networks import parameters, sampled
from tests.search_space import strategies


@pytest.mark.parametrize("step", range(4))
def test_from_s_layers_are_the_published_and_channels_within_8(step: int) -> None:
    aim = published(f"efficientnetv2-b{step}").architecture
    for stage, published_stage in zip(
        shrink(EFFICIENTNETV2_S, step).stages, aim.stages, strict=True
    ):
        assert stage.layers == published_stage.layers
        assert abs(stage.channels - published_stage.channels) <= 8


def test_sampled_networks_shrink_in_order() -> None:
    for base in sampled():
        members = [shrink(base, step) for step in (0, 1, 2, 3, 4)]
        assert members[-1] == base
        for small, large in pairwise(members):
            check_shrunk(large, small)
        assert parameters(members[0]) < parameters(base)


@given(base=strategies.architectures, step=st.floats(0, 4))
def test_any_network_at_any_step(base: Architecture, step: float) -> None:
    small = shrink(base, step)
    check_shrunk(base, small)
    check_shrunk(shrink(base, math.ceil(step)), small)


@pytest.mark.parametrize("step", [-1, 4.5, math.nan])
def test_a_step_out_of_range_is_refused(step: float) -> None:
    with pytest.raises(ValueError, match="step: got"):
        shrink(EFFICIENTNETV2_S, step)
