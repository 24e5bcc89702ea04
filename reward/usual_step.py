"""How long the reference's step takes as a rule, and whether one took longer."""

from __future__ import annotations

from collections import deque
from statistics import median

from reward.step_time.measurement import MACHINE_DRIFT, robust_deviation

_DEVIATIONS = 3
_REMEMBERED = 64
_FEWEST = 8


class UsualStep:
    """The reference's usual step in one process: the median of the last 64, in seconds.

    A neighbour that takes a shared cache, memory or half of a core slows two networks by unlike
    shares, so their ratio is another one while it lasts: by up to 9 % where the reference took 1.5
    times its usual. What is over 10 % slower than usual is told apart once 8 steps are known, or
    more where steps scatter: over 3 of their robust standard deviations, since to choose among
    what is but noise would bias the ratio. A machine that stays slower is the usual one after half
    of the 64.
    """

    def __init__(self) -> None:
        self._last: deque[float] = deque(maxlen=_REMEMBERED)

    def is_slowed(self, seconds: float) -> bool:
        """Whether a step took much longer than usual; it is remembered in either case."""
        is_slowed = len(self._last) >= _FEWEST and seconds > self._limit_s()
        self._last.append(seconds)
        return is_slowed

    def _limit_s(self) -> float:
        scatter = robust_deviation(self._last)
        return median(self._last) * (1 + max(MACHINE_DRIFT, _DEVIATIONS * scatter))
