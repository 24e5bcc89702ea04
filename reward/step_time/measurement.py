"""The measured step time of a network, with its statistics; raw samples are kept, without torch."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median

FEWEST_PAIRS = 6  # below these there is no 95 % interval of the median

# Bounds beyond which a measurement is marked as unsteady, as shares (docs/step-time.md).
RATIO_DRIFT = 0.05
MACHINE_DRIFT = 0.10
SCATTER = 0.15
STANDARD_ERROR = 0.02
FEWEST_FOR_DRIFT = 2 * FEWEST_PAIRS
SLOWED_THROUGHOUT = "the machine was slower than usual"


class TimeLimitExceeded(Exception):
    """The deadline passed before the training or the measurement was done."""


@dataclass(frozen=True)
class Conditions:
    """How the steps of a network and of the reference ran, when they were timed.

    ``mode`` is ``eager``, ``graph`` (a CUDA graph), ``compiled``, or ``compiled graph``, and
    ``failure`` is why a GPU did not run a graph. ``busy_share`` is the share of the network's step,
    0 to 1, in which the GPU computed; for the rest it waited for the host. ``host`` is the CPU that
    launches a GPU's work, ``driver`` the version of the GPU's driver. ``sharers`` is the number of
    candidates that trained on the GPU in turn with the timing.
    """

    mode: str = "eager"
    failure: str | None = None
    busy_share: float | None = None
    host: str | None = None
    driver: str | None = None
    sharers: int = 1


@dataclass(frozen=True)
class StepTime:
    """The step times of a network and of a reference network, measured in pairs.

    ``samples_s`` and ``reference_samples_s`` are seconds, one entry a step; the two of a pair stand
    at the same place. All else follows from them by the functions below.
    """

    samples_s: tuple[float, ...]
    reference_samples_s: tuple[float, ...]
    peak_memory_bytes: int
    device: str  # such as "Intel Xeon, 1 thread" or "NVIDIA H200"
    image_size: int
    batch_size: int
    micro_batch_size: int | None = None  # None: the whole batch; else gradients were accumulated
    is_precise: bool = False  # the interval became as narrow as was asked for, before the time cap
    unsteady: str | None = None  # what disturbed the measurement, in words
    conditions: Conditions | None = None  # None: recorded by an earlier release


def median_s(step_time: StepTime) -> float:
    """Return the median step in seconds."""
    return median(step_time.samples_s)


def reference_median_s(step_time: StepTime) -> float:
    """Return S0 in seconds: the median of the reference network's steps."""
    return median(step_time.reference_samples_s)


def interval_s(step_time: StepTime) -> tuple[float, float] | None:
    """Return the 95 % interval (low, high) of the median step, by :func:`median_interval`."""
    return median_interval(step_time.samples_s)


def normalized(step_time: StepTime) -> float:
    """Return S/S0, the median of the pairs' ratios; below 1 is faster than the reference.

    It is not the ratio of the two medians: where the machine changes its speed during the
    measurement, one median may come from a step before the change and the other from one after it,
    while the two steps of a pair are a moment apart.
    """
    return median(_ratios(step_time))


def normalized_interval(step_time: StepTime) -> tuple[float, float] | None:
    """Return its 95 % confidence interval (low, high), by :func:`median_interval`."""
    return median_interval(_ratios(step_time))


def median_interval(samples: Sequence[float]) -> tuple[float, float] | None:
    """Return the median's 95 % confidence interval (low, high); None below 6 samples.

    Its ends are two order statistics, so no distribution is assumed: the number of n samples below
    the true median is binomial(n, 1/2). Source: Le Boudec, Performance Evaluation of Computer and
    Communication Systems, theorem 2.1. Below 6 samples even the smallest and the largest cover
    less than 95 %.
    """
    below = _samples_left_out(len(samples))
    if below is None:
        return None
    ordered = sorted(samples)
    return ordered[below], ordered[-1 - below]


def pair_ratios(samples: Sequence[float], reference: Sequence[float]) -> list[float]:
    """Return each step relative to the reference's step of the same pair."""
    return [sample / other for sample, other in zip(samples, reference, strict=True)]


def relative_half_width(samples: Sequence[float], reference: Sequence[float]) -> float:
    """Return half the 95 % interval's width as a share of the value; infinite below 6 pairs.

    That of the step or of its ratio to the reference, whichever is wider.
    """
    return max(_half_width(samples), _half_width(pair_ratios(samples, reference)))


def robust_deviation(values: Collection[float]) -> float:
    """Return the standard deviation over the median, from the median absolute deviation."""
    middle = median(values)
    return 1.4826 * median(abs(value - middle) for value in values) / middle


def standard_error(values: Collection[float]) -> float:
    """Return the standard error of the median as a share of it; robust against a stray value.

    It is that of a normal distribution, sqrt(pi / 2) times the mean's. The 95 % interval of 6 pairs
    reaches from the smallest to the largest: correct, but as wide for one stray pair as for lasting
    contention.
    """
    return math.sqrt(math.pi / 2 / len(values)) * robust_deviation(values)


def unsteadiness(samples: Sequence[float], reference: Sequence[float]) -> str | None:
    """Return what disturbed the measurement, in words; None if steady, or with too few pairs.

    Tested in the order of the harm to the ratio:

    1. The ratio moved by over 5 % between the two halves: the two networks were not slowed alike.
    2. The ratios scatter by over 15 % (as a standard deviation), or so much for so few pairs that
       the standard error of S is over 2 %: other work on the machine.
    3. The reference's own step moved by over 10 %: the machine changed its speed. The ratio cancels
       this, the step time in seconds does not.

    A drift counts only if the 95 % intervals of the two halves' medians do not overlap, and needs
    12 pairs.
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


def _ratios(step_time: StepTime) -> list[float]:
    return pair_ratios(step_time.samples_s, step_time.reference_samples_s)


def _half_width(values: Sequence[float]) -> float:
    interval = median_interval(values)
    return (interval[1] - interval[0]) / (2 * median(values)) if interval else math.inf


@lru_cache
def _samples_left_out(count: int) -> int | None:
    """Return the most samples at either end that can be left out while 95 % stay covered."""
    # In whole numbers, since 2**count is soon beyond a float: 2 * tail / 2**count <= 1/20.
    tail, term, left_out = 0, 1, -1  # the term is count over left_out + 1
    while 40 * (tail + term) <= 2**count:
        left_out += 1
        tail += term
        term = term * (count - left_out) // (left_out + 1)
    return left_out if left_out >= 0 else None


def _drift(values: Sequence[float]) -> float:
    """Return the change from the first half's median to the second's; 0 if it may be chance."""
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
