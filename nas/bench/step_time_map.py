"""Map step times from one device to another by those of a few networks, with the error of that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

_SLOPE_WEIGHT = 1.0  # of slope 1, as that of measurements whose log S/S0 have this sum of squares


@dataclass(frozen=True)
class StepTimeMap:
    """Maps S/S0 on one device to another: log s' = intercept + slope * log s."""

    slope: float
    intercept: float

    def __call__(self, step_time: float) -> float:
        """Return S/S0 here of a network with this S/S0, above 0, there."""
        return math.exp(self.intercept + self.slope * math.log(step_time))


def fit_map(pairs: Sequence[tuple[float, float]]) -> StepTimeMap:
    """Return the map given S/S0 of two or more networks there and here.

    Least squares of the logarithms, with the slope drawn towards 1: two devices mostly agree in how
    much longer one network takes than another, and few networks leave the slope uncertain
    (benchmarks/README.md).
    """
    logs = [(math.log(there), math.log(here)) for there, here in pairs]
    x_mean, y_mean = fmean(x for x, _ in logs), fmean(y for _, y in logs)
    squares = math.fsum((x - x_mean) ** 2 for x, _ in logs)
    products = math.fsum((x - x_mean) * (y - y_mean) for x, y in logs)
    slope = (products + _SLOPE_WEIGHT) / (squares + _SLOPE_WEIGHT)
    return StepTimeMap(slope, y_mean - slope * x_mean)


def left_out_errors(pairs: Sequence[tuple[float, float]]) -> list[float]:
    """Return each pair's relative error by the map of all others, such as 0.03 for 3 % too high."""
    return [
        fit_map([*pairs[:i], *pairs[i + 1 :]])(there) / here - 1
        for i, (there, here) in enumerate(pairs)
    ]


def spread_out(step_times: Sequence[float], count: int) -> list[int]:
    """Return the places of ``count`` networks, evenly spread over the logarithm of step time.

    All of them if there are no more.
    """
    logs = [math.log(step_time) for step_time in step_times]
    low, high = min(logs), max(logs)
    left, chosen = list(range(len(logs))), []
    for i in range(min(count, len(logs))):
        wanted = low + (high - low) * i / max(1, count - 1)
        nearest = min(left, key=lambda place: (abs(logs[place] - wanted), place))
        left.remove(nearest)
        chosen.append(nearest)
    return chosen
