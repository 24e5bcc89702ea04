"""Rewards with a target step time, and parsing of their names."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reward.objective import Absolute, Objective, TargetPower, parse_reward

ratios = st.floats(0.01, 100)
accuracies = st.floats(0, 1)
NAMES = ["product", "product:w=-0.2,v=0", "soft:T=1.3", "hard:T=0.7", "absolute:T=1.1"]


@pytest.mark.parametrize(
    ("text", "step_time", "value"),
    [
        # MnasNet, section 3: at the target the accuracy, at twice the time half of it.
        ("hard:T=1", 1.0, 0.8),
        ("hard:T=1", 0.1, 0.8),
        ("hard:T=1", 2.0, 0.4),
        ("hard:T=2", 2.0, 0.8),
        # The soft form takes 5 % for twice the time, which is how -0.07 was chosen there.
        ("soft:T=1", 1.0, 0.8),
        ("soft:T=1", 2.0, 0.8 * 0.952638),
        ("soft:T=1", 0.5, 0.8 / 0.952638),
        ("soft:T=1,alpha=0,beta=-1", 2.0, 0.4),
        ("absolute:T=1", 1.0, 0.8),
        ("absolute:T=1,beta=-0.1", 1.5, 0.75),
        ("absolute:T=2,beta=-0.1", 1.0, 0.75),
        ("product:w=-1,v=0", 2.0, 0.4),
        ("product:v=-1", 1.0, 0.2),
    ],
)
def test_values(text: str, step_time: float, value: float) -> None:
    assert parse_reward(text)(0.8, step_time, 4.0 if "v=-1" in text else 1.0) == pytest.approx(
        value, abs=1e-6
    )


@pytest.mark.parametrize("text", NAMES)
@given(low=accuracies, high=accuracies, step_time=ratios, parameters=ratios)
def test_affine_in_the_accuracy_and_rising(
    text: str, low: float, high: float, step_time: float, parameters: float
) -> None:
    """The model-based sampler and the bound on a candidate's reward rely on this."""
    objective = parse_reward(text)
    none, all_ = (objective(a, step_time, parameters) for a in (0.0, 1.0))
    assert all_ > none
    for accuracy in (low, high):
        value = none + accuracy * (all_ - none)
        assert math.isclose(
            objective(accuracy, step_time, parameters), value, rel_tol=1e-9, abs_tol=1e-12
        )


@given(accuracy=st.floats(0.1, 1), step_time=ratios)
def test_a_target_in_seconds_is_the_same_in_backbones_steps(
    accuracy: float, step_time: float
) -> None:
    for name in ("soft", "hard", "absolute"):
        in_seconds = parse_reward(f"{name}:T=0.06s").relative_to(0.05)
        assert in_seconds(accuracy, step_time, 1.0) == pytest.approx(
            parse_reward(f"{name}:T=1.2")(accuracy, step_time, 1.0)
        )


def test_a_target_in_seconds_needs_the_backbones_step() -> None:
    with pytest.raises(ValueError, match="relative_to"):
        parse_reward("hard:T=0.06s")(0.9, 1.0, 1.0)


def test_the_default_is_the_papers() -> None:
    assert parse_reward("product") == Objective()
    assert parse_reward("product:w=-0.1") == Objective(-0.1, -0.05)
    assert parse_reward("hard:T=2") == TargetPower(target=2, alpha=0, beta=-1)
    assert parse_reward("absolute:T=2") == Absolute(target=2, beta=-0.07)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("products", "got 'products', must be product"),
        ("hard", "must have a target, such as hard:T=1.2 or hard:T=0.05s"),
        ("hard:T=0", "got T=0 in 'hard:T=0', must be a number from 1e-06 to 1e+06"),
        ("hard:T=nan", "from 1e-06 to 1e+06"),
        ("product:w=0.07", "got w=0.07 in 'product:w=0.07', must be a number from -10 to 0"),
        ("product:w=-inf", "from -10 to 0"),
        ("product:w", "got w= in"),
        ("product:T=1", "got 'T=1' in 'product:T=1', must be one of w, v"),
    ],
)
def test_an_invalid_text_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"^got ") as error:
        parse_reward(text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("product", "accuracy * (S/S0)^-0.07 * (P/P0)^-0.05"),
        ("hard:T=0.05s", "accuracy * (S/T)^w, w = 0 up to T, -1 above; T = 0.05 s"),
        ("absolute:T=1.5", "accuracy + -0.07 * abs(S/T - 1); T = 1.5 S0"),
    ],
)
def test_formulas(text: str, formula: str) -> None:
    assert parse_reward(text).formula == formula
