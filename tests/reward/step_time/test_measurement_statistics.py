"""Medians and intervals of step times, against tables and against samples of known medians."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reward.step_time.measurement import (
    StepTime,
    interval_s,
    median_interval,
    median_s,
    normalized,
    normalized_interval,
    reference_median_s,
    relative_half_width,
)


def _step_time(samples: list[float], reference: list[float]) -> StepTime:
    return StepTime(tuple(samples), tuple(reference), 0, "cpu", 32, 128)


def test_the_median_step_and_the_median_of_the_ratios() -> None:
    step_time = _step_time([0.3, 0.1, 9.0], [0.2, 0.6, 0.4])
    assert median_s(step_time) == 0.3
    assert reference_median_s(step_time) == 0.4
    assert normalized(step_time) == pytest.approx(1.5)


def test_a_machine_that_changes_its_pace_does_not_change_the_ratio() -> None:
    """Measured: the ratio of the two medians is 1.321, of each half 1.36 and 1.37."""
    own = [29.7, 32.6, 31.6, 30.4, 28.8, 29.2, 28.4]
    reference = [22.5, 23.9, 22.6, 22.5, 21.0, 20.9, 20.8]
    assert normalized(_step_time(own, reference)) == pytest.approx(28.4 / 20.8)


# (n, ranks of the 95 % interval): Le Boudec, Performance Evaluation, appendix A, table A.1.
@pytest.mark.parametrize(
    ("count", "ranks"), [(6, (1, 6)), (9, (2, 8)), (15, (4, 12)), (30, (10, 21))]
)
def test_the_interval_is_the_tables(count: int, ranks: tuple[int, int]) -> None:
    samples = [float(rank) for rank in range(count, 0, -1)]
    assert median_interval(samples) == ranks
    assert interval_s(_step_time(samples, samples)) == ranks


@pytest.mark.parametrize("count", [0, 1, 5])
def test_too_few_samples_have_no_interval(count: int) -> None:
    assert median_interval([1.0] * count) is None


def test_the_medians_interval_covers_it() -> None:
    generator = np.random.default_rng(1)
    covered = 0
    for samples in generator.exponential(size=(1000, 15)):
        interval = median_interval(samples.tolist())
        assert interval
        covered += interval[0] <= np.log(2) <= interval[1]
    assert 950 <= covered <= 985  # 96.5 % in theory: the next narrower ranks are below 95 %.


def test_the_ratios_interval_covers_it() -> None:
    generator = np.random.default_rng(2)
    covered = 0
    for _ in range(200):
        load = generator.lognormal(sigma=0.05, size=15)  # slows both steps of a pair
        own = 0.5 * load * generator.lognormal(sigma=0.01, size=15)
        step_time = _step_time(own.tolist(), load.tolist())
        interval = normalized_interval(step_time)
        assert interval is not None
        covered += interval[0] <= 0.5 <= interval[1]
    assert covered >= 180


@pytest.mark.parametrize(
    ("own_scatter", "reference_scatter"), [(0.2, 0.0), (0.0, 0.2), (0.05, 0.05)]
)
def test_the_half_width_is_that_of_the_less_certain_of_step_and_ratio(
    own_scatter: float, reference_scatter: float
) -> None:
    spread = [-1.0, 1.0, -0.5, 0.5, 0.0, 0.0, 0.0]
    own = [1 + own_scatter * x for x in spread]
    reference = [1 + reference_scatter * x for x in reversed(spread)]
    step = median_interval(own)
    ratio = normalized_interval(_step_time(own, reference))
    assert step is not None
    assert ratio is not None
    widest = max(step[1] - step[0], ratio[1] - ratio[0]) / 2
    assert relative_half_width(own, reference) == pytest.approx(widest, rel=0.05)
    assert relative_half_width(own[:5], reference[:5]) == math.inf


def test_too_few_pairs_have_no_interval() -> None:
    assert normalized_interval(_step_time([0.1] * 5, [0.2] * 5)) is None


def test_thousands_of_samples_have_an_interval() -> None:
    interval = normalized_interval(_step_time([0.1] * 1500, [0.2] * 1500))
    assert interval == (0.5, 0.5)
    assert interval_s(_step_time([0.1] * 1500, [0.2] * 1500)) == (0.1, 0.1)
