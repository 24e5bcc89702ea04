"""What is measured of a candidate, raw; rewards are computed from it when it is read."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import comb
from statistics import median


class TimeLimitExceeded(Exception):
    """The deadline passed before the training or the measurement was done."""


@dataclass(frozen=True)
class Complexity:
    """Trainable parameters, and multiply-adds of one image's forward pass."""

    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class StepTime:
    """The measured time of training steps, and of a reference network's in turn with them.

    ``samples_s`` and ``reference_samples_s`` are seconds, one entry a step, in pairs taken one
    after the other; the rest follows from them, in :mod:`reward.step_time.measurement`.
    """

    samples_s: tuple[float, ...]
    reference_samples_s: tuple[float, ...]
    peak_memory_bytes: int
    device: str  # such as "Intel Xeon, 1 thread" or "NVIDIA H200"
    image_size: int
    batch_size: int
    micro_batch_size: int | None = None  # None: the whole batch; else gradients were accumulated
    is_precise: bool = False  # the interval became as narrow as was asked for, before the time cap
    unsteady: str | None = None  # what disturbed it, in words


FEWEST_PAIRS = 6  # with a 95 % interval of their median


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


def pair_ratios(samples: Sequence[float], reference: Sequence[float]) -> list[float]:
    """A pair's own step relative to the reference's, pair by pair."""
    return [own / other for own, other in zip(samples, reference, strict=True)]


def normalized(step_time: StepTime) -> float:
    """S/S0, the median of the pairs' ratios; below 1 is faster than the reference.

    Not the ratio of the two medians: where the machine changed its pace between two pairs, one
    median may be of a step before the change and the other of one after it, while the ratio of a
    pair, whose steps are a moment apart, stays what it is.
    """
    return median(_ratios(step_time))


def normalized_interval(step_time: StepTime) -> tuple[float, float] | None:
    """The 95 % confidence interval of :func:`normalized`, as of :func:`interval_s`."""
    return median_interval(_ratios(step_time))


def _ratios(step_time: StepTime) -> list[float]:
    return pair_ratios(step_time.samples_s, step_time.reference_samples_s)


def relative_half_width(samples: Sequence[float], reference: Sequence[float]) -> float:
    """Half the width of the 95 % interval as a share of the value: the step's or the ratio's,
    whichever is wider. Infinite below 6 pairs."""
    return max(_half_width(samples), _half_width(pair_ratios(samples, reference)))


def robust_deviation(values: Collection[float]) -> float:
    """The standard deviation as a share of the median, by the median absolute deviation."""
    middle = median(values)
    return 1.4826 * median(abs(value - middle) for value in values) / middle


def standard_error(values: Collection[float]) -> float:
    """Of the values' median, as a share of it, which a single stray value hardly changes.

    That of a normal distribution, sqrt(pi / 2) times the mean's. The 95 % interval of 6 pairs is
    from the smallest to the largest: exact, but as wide for one stray pair as for contention.
    """
    return math.sqrt(math.pi / 2 / len(values)) * robust_deviation(values)


def _half_width(values: Sequence[float]) -> float:
    interval = median_interval(values)
    return (interval[1] - interval[0]) / (2 * median(values)) if interval else math.inf


def _samples_left_out(count: int) -> int | None:
    """The most samples at either end that can be left out with 95 % still covered."""
    tail, left_out = 0, -1
    # In whole numbers, since 2**count is soon beyond a float: 2 * tail / 2**count <= 1/20.
    while 40 * (tail + comb(count, left_out + 1)) <= 2**count:
        left_out += 1
        tail += comb(count, left_out)
    return left_out if left_out >= 0 else None


FEWEST_FOR_DRIFT = 2 * FEWEST_PAIRS


RATIO_DRIFT = 0.05


MACHINE_DRIFT = 0.10


SCATTER = 0.15


STANDARD_ERROR = 0.02


SLOWED_THROUGHOUT = "the machine was slower than usual"


def unsteadiness(samples: Sequence[float], reference: Sequence[float]) -> str | None:
    """What disturbed the measurement, in words; None for a steady one or one too short to tell.

    Three things are looked for, the one that harms the ratio most first. The ratio of step and
    reference moved by over 5 % between the halves of the measurement: the two did not feel the same
    machine. The pairs' ratios scatter: contention. By over 15 % (median absolute deviation, as a
    standard deviation), or so much for so few pairs that the standard error of S is over 2 %, below
    which it was within 3 % beside bursts of other work (benchmarks/README.md). The reference's own
    step moved by over 10 %: the machine throttled or got a neighbour, which the ratio cancels and
    the step time itself does not. A drift counts only where the 95 % intervals of the halves'
    medians lie apart, and takes 12 pairs to be seen.
    """
    if len(samples) < FEWEST_PAIRS:
        return None
    ratios = pair_ratios(samples, reference)
    drift = _drift(ratios)
    if abs(drift) > RATIO_DRIFT:
        return f"its ratio to the reference moved by {100 * drift:+.0f} % meanwhile"
    scatter = robust_deviation(ratios)
    if scatter > SCATTER or standard_error(ratios) > STANDARD_ERROR:
        return f"its {len(ratios)} steps scatter by {100 * scatter:.0f} %"
    drift = _drift(reference)
    if abs(drift) > MACHINE_DRIFT:
        return f"the machine became {100 * abs(drift):.0f} % {'slower' if drift > 0 else 'faster'}"
    return None


def _drift(values: Sequence[float]) -> float:
    """The second half's median against the first's, as a share; 0 where that may be chance."""
    if len(values) < FEWEST_FOR_DRIFT:
        return 0.0
    half = len(values) // 2
    first, second = values[:half], values[-half:]
    before, after = median_interval(first), median_interval(second)
    assert before is not None
    assert after is not None
    if before[0] <= after[1] and after[0] <= before[1]:
        return 0.0
    return median(second) / median(first) - 1
