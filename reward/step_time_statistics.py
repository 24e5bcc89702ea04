"""What raw step times say: the median, the ratio to the reference, and how sure both are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from math import comb
from statistics import median

import numpy as np
import numpy.typing as npt

from reward.measurements import StepTime

CONFIDENCE = 0.95
_RESAMPLES = 2000

Floats = npt.NDArray[np.float64]


def median_s(step_time: StepTime) -> float:
    """The median step in seconds: what a step costs when nothing disturbs it more than usual."""
    return median(step_time.samples_s)


def reference_median_s(step_time: StepTime) -> float:
    """S0 in seconds: the median of the backbone's steps, timed in turn with the candidate's."""
    return median(step_time.reference_samples_s)


def interval_s(step_time: StepTime) -> tuple[float, float] | None:
    """The median step's 95 % confidence interval in seconds, (low, high); None below 6 samples.

    Two order statistics, so no distribution is assumed: how many of n samples lie below the median
    is binomial(n, 1/2). Source: Le Boudec, Performance Evaluation of Computer and Communication
    Systems, theorem 2.1. Below 6 samples even the smallest and the largest cover less than 95 %.
    """
    return median_interval(step_time.samples_s)


def median_interval(samples: Sequence[float]) -> tuple[float, float] | None:
    """The interval of :func:`interval_s` for any independent samples of one quantity."""
    below = _samples_left_out(len(samples))
    if below is None:
        return None
    ordered = sorted(samples)
    return ordered[below], ordered[-1 - below]


def normalized(step_time: StepTime) -> float:
    """S/S0, the ratio of the two medians; below 1 is faster than the reference."""
    return median(step_time.samples_s) / median(step_time.reference_samples_s)


def normalized_interval(step_time: StepTime) -> tuple[float, float] | None:
    """The 95 % confidence interval of :func:`normalized`: percentile bootstrap over the pairs.

    Pairs are drawn together, since a neighbour's load slows both steps of a pair. The draws are
    the same at every call, so that a table does not change between two readings. None below 6
    pairs, of which no resample can leave the range.
    """
    if median_interval(step_time.samples_s) is None:
        return None
    return _ratio_interval(step_time.samples_s, step_time.reference_samples_s)


def _ratio_interval(samples: Sequence[float], reference: Sequence[float]) -> tuple[float, float]:
    ratios = _resampled_medians(samples) / _resampled_medians(reference)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(ratios, [tail, 1 - tail])
    return float(low), float(high)


def _resampled_medians(samples: Sequence[float]) -> Floats:
    """The median of each resample, (resamples,).

    Found by counting how often each sample was drawn, from the smallest up, which takes a sixth of
    the time that sorting the resamples does.
    """
    count = len(samples)
    order = np.argsort(samples, kind="stable")
    ordered = np.asarray(samples)[order]
    reached = np.cumsum(_times_drawn(count)[order], axis=0, dtype=np.int16)  # (count, resamples)
    middle = [np.count_nonzero(reached <= k, axis=0) for k in ((count - 1) // 2, count // 2)]
    medians: Floats = ordered[middle].mean(axis=0)
    return medians


@lru_cache(maxsize=4)  # a search has few counts, each of 4 MB at 1,000 samples
def _times_drawn(count: int) -> npt.NDArray[np.int16]:
    """How often each of ``count`` samples is in each resample, (count, resamples)."""
    draws = np.random.default_rng(0).integers(count, size=(_RESAMPLES, count))
    cells = draws.T * _RESAMPLES + np.arange(_RESAMPLES)  # of a table (count, resamples)
    times = np.bincount(cells.ravel(), minlength=count * _RESAMPLES)
    return times.reshape(count, _RESAMPLES).astype(np.int16)


def relative_half_width(samples: Sequence[float], reference: Sequence[float]) -> float:
    """Half the width of the 95 % interval as a share of the value: the median's or the ratio's,
    whichever is wider. Infinite below 6 pairs."""
    interval = median_interval(samples)
    if interval is None:
        return math.inf
    low, high = _ratio_interval(samples, reference)
    own = (interval[1] - interval[0]) / median(samples)
    ratio = (high - low) * median(reference) / median(samples)
    return max(own, ratio) / 2


def _samples_left_out(count: int) -> int | None:
    """The most samples at either end that can be left out with 95 % still covered."""
    tail, left_out = 0, -1
    # In whole numbers, since 2**count is soon beyond a float: 2 * tail / 2**count <= 1/20.
    while 40 * (tail + comb(count, left_out + 1)) <= 2**count:
        left_out += 1
        tail += comb(count, left_out)
    return left_out if left_out >= 0 else None
