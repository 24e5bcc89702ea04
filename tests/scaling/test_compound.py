"""EfficientNet's compound rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.compound import DEPTHS, WIDTHS, Multipliers, at_step, between, compound, grow
from search_space.architecture import Architecture
from search_space.published import EFFICIENTNET_B0
from tests.scaling.networks import parameters, sampled
from tests.search_space import strategies

PAPER = (1.2, 1.1, 1.15)  # EfficientNet, section 3.3


def test_the_papers_coefficients_about_double_the_multiply_adds() -> None:
    one = compound(*PAPER, phi=1)
    assert one == Multipliers(width=1.1, depth=1.2, resolution=1.15)
    assert one.depth * one.width**2 * one.resolution**2 == pytest.approx(2, rel=0.05)


def test_b2_is_b0_at_phi_1() -> None:
    """The public code's width 1.1 and depth 1.2 of B2 are beta and alpha."""
    b2 = grow(EFFICIENTNET_B0, compound(*PAPER, phi=1))
    assert [stage.layers for stage in b2.stages] == [2, 3, 3, 4, 4, 5, 2]


def test_phi_0_is_the_base() -> None:
    assert grow(EFFICIENTNET_B0, compound(*PAPER, phi=0)) == EFFICIENTNET_B0


@pytest.mark.parametrize("bad", [(0.9, 1, 1, 1), (1, 0.9, 1, 1), (1, 1, 0.5, 1), (1.2, 1.1, 1, -1)])
def test_coefficients_that_shrink_are_refused(bad: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="must be 1 or more"):
        compound(*bad)


@given(base=strategies.architectures, phi=st.floats(0, 4))
def test_any_network_keeps_its_form_and_does_not_shrink(base: Architecture, phi: float) -> None:
    """The invariants are asserted within the rule."""
    grown = grow(base, compound(*PAPER, phi=phi))
    assert parameters(grown) >= parameters(base)


def test_sampled_networks_strictly_grow() -> None:
    for base in sampled():
        grown = [grow(base, at_step(step, (224, 240, 260, 300))) for step in (0, 2, 3)]
        counts = [parameters(network) for network in grown]
        assert counts[0] < counts[1] <= counts[2]


def test_between_whole_steps() -> None:
    assert between(WIDTHS, 7) == 2.0
    assert between(DEPTHS, 3) == 1.4
    assert between(DEPTHS, 3.5) == pytest.approx(1.6)
