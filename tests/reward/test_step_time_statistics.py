"""Medians and intervals of step times, against tables and against samples of known medians."""

from __future__ import annotations

import numpy as np
import pytest

from reward.measurements import StepTime
from reward.step_time_statistics import (
    interval_s,
    median_interval,
    median_s,
    normalized,
    normalized_interval,
)


def _step_time(samples: list[float], reference: list[float]) -> StepTime:
    return StepTime(tuple(samples), tuple(reference), 0, "cpu", 32, 128)


def test_medians_and_their_ratio() -> None:
    step_time = _step_time([0.3, 0.1, 9.0], [0.2, 0.6, 0.4])
    assert median_s(step_time) == 0.3
    assert normalized(step_time) == pytest.approx(0.75)


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


def test_the_ratios_interval_is_the_same_at_every_call() -> None:
    step_time = _step_time([0.1, 0.2, 0.3, 0.4, 0.2, 0.3], [0.2, 0.2, 0.3, 0.2, 0.2, 0.2])
    interval = normalized_interval(step_time)
    assert interval is not None
    assert interval[0] < normalized(step_time) < interval[1]
    assert normalized_interval(step_time) == interval


def test_too_few_pairs_have_no_interval() -> None:
    assert normalized_interval(_step_time([0.1] * 5, [0.2] * 5)) is None


def test_thousands_of_samples_have_an_interval() -> None:
    interval = normalized_interval(_step_time([0.1] * 1500, [0.2] * 1500))
    assert interval == (0.5, 0.5)
    assert interval_s(_step_time([0.1] * 1500, [0.2] * 1500)) == (0.1, 0.1)
