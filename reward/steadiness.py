"""Whether a measurement of paired steps can be trusted, or something disturbed it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from reward.step_time.measurement import (
    FEWEST_PAIRS,
    median_interval,
    pair_ratios,
    robust_deviation,
    standard_error,
)

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
