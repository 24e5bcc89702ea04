"""Figures over repeated searches."""

from __future__ import annotations

import math
from itertools import combinations
from statistics import fmean

import numpy as np
import pytest

from nas.replay.replay import Trace, bests_at, cost
from results.best_of import expected_best


@pytest.mark.parametrize("budget", [1, 2, 4, 6])
def test_the_expected_best_is_the_mean_over_all_draws(budget: int) -> None:
    rewards = [0.3, 0.9, 0.1, 0.9, 0.5, -0.2]
    assert expected_best(rewards, budget) == pytest.approx(
        fmean(max(drawn) for drawn in combinations(rewards, budget))
    )


def test_the_expected_best_of_a_large_table() -> None:
    assert expected_best([i / 600 for i in range(600)], 300) == pytest.approx(
        300 / 301 * 601 / 600 - 1 / 600
    )
    with pytest.raises(ValueError, match="budget: got 7, must be from 1 to 6"):
        expected_best([0.0] * 6, 7)


def test_cost_counts_what_was_never_reached() -> None:
    traces = [Trace((10 * i,), (0.9,)) for i in range(1, 6)] + [Trace((5,), (0.1,))] * 2
    summary = cost(traces, 0.5)
    assert summary.median == 40
    assert summary.reached == pytest.approx(5 / 7)
    assert summary.interval == (10, math.inf)
    assert cost(traces[:3], 0.5).interval is None


def test_bests_by_epochs() -> None:
    traces = [Trace((5, 10), (0.2, 0.4)), Trace((2, 4, 9), (-math.inf, 0.3, 0.5))]
    expected = [[math.nan, 0.2, 0.2, 0.4, 0.4], [math.nan, 0.3, 0.3, 0.5, 0.5]]
    np.testing.assert_array_equal(bests_at(traces, [3, 5, 8, 10, 99]), expected)
