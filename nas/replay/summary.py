"""What repeated searches on a table say about a strategy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from nas.replay.replay import Trace
from reward.step_time_statistics import median_interval


@dataclass(frozen=True)
class Cost:
    """Epochs until a target reward is reached, over repeats: median and its 95 % interval.

    inf where it was not reached within the budget; ``reached`` is the share of repeats that did.
    """

    median: float
    interval: tuple[float, float] | None
    reached: float


def expected_best(rewards: Sequence[float], budget: int) -> float:
    """The mean best of ``budget`` rewards drawn without replacement: random search's on a table."""
    chances = best_chances(len(rewards), budget)
    return math.fsum(c * value for c, value in zip(chances, sorted(rewards), strict=True))


def best_chances(count: int, budget: int) -> list[float]:
    """How likely each of ``count``, the smallest first, is the best of ``budget`` of them drawn.

    The i-th smallest of n is the best of k with probability C(i - 1, k - 1) / C(n, k).
    """
    if not 1 <= budget <= count:
        raise ValueError(f"budget: got {budget}, must be from 1 to {count}")
    total = math.comb(count, budget)
    return [math.comb(i, budget - 1) / total for i in range(count)]


def cost(traces: Sequence[Trace], target: float) -> Cost:
    """What reaching the target took."""
    epochs = sorted(trace.epochs_to(target) for trace in traces)
    reached = sum(math.isfinite(value) for value in epochs) / len(epochs)
    return Cost(median(epochs), median_interval(epochs), reached)


def bests_at(traces: Sequence[Trace], epochs: Sequence[int]) -> NDArray[np.float64]:
    """The best reward by the time that so many epochs were spent, (traces, epochs); NaN before any.

    Past the end of a trace its last best holds.
    """
    rows = []
    for trace in traces:
        places = np.searchsorted(trace.epochs, epochs, side="right") - 1
        best = np.array(trace.best)[np.maximum(places, 0)]
        rows.append(np.where((places < 0) | np.isinf(best), np.nan, best))
    return np.array(rows)
