"""The weighted product of accuracy, step time and parameters."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reward.objective import Objective

ratios = st.floats(0.01, 100)


@pytest.mark.parametrize(
    ("accuracy", "step_time", "parameters", "value"),
    [
        (0.8, 1.0, 1.0, 0.8),
        (1.0, 2.0, 1.0, 0.952638),  # 4.7 % less
        (1.0, 1.0, 2.0, 0.965936),  # 3.4 % less
        (0.5, 0.5, 1.0, 0.524858),
        (0.9, 2.0, 0.5, 0.887609),
        (0.0, 0.5, 0.5, 0.0),
    ],
)
def test_values(accuracy: float, step_time: float, parameters: float, value: float) -> None:
    assert Objective()(accuracy, step_time, parameters) == pytest.approx(value, abs=1e-6)


def test_other_exponents() -> None:
    assert Objective(-1, 0)(0.5, 4, 7) == 0.125
    assert Objective(0, -0.5)(0.5, 4, 16) == 0.125


@given(accuracy=st.floats(0.01, 1), step_time=ratios, parameters=ratios, scale=ratios)
def test_another_normaliser_rescales_every_reward_alike(
    accuracy: float, step_time: float, parameters: float, scale: float
) -> None:
    objective = Objective()
    ratio = objective(accuracy, scale * step_time, parameters) / objective(
        accuracy, step_time, parameters
    )
    assert math.isclose(ratio, scale**-0.07, rel_tol=1e-9)


@given(accuracy=st.floats(0.01, 1), step_time=ratios, parameters=ratios)
def test_slower_and_larger_is_worse(accuracy: float, step_time: float, parameters: float) -> None:
    value = Objective()(accuracy, step_time, parameters)
    assert Objective()(accuracy, 1.01 * step_time, parameters) < value
    assert Objective()(accuracy, step_time, 1.01 * parameters) < value
