"""The measured time of a training step, in turn with a reference network's.

Taking turns cancels the machine's drift in the ratio of a pair, and makes candidates comparable
that were timed on different machines of one kind. On a CPU the clock is the process's own time; the
process must run one thread (``torch.set_num_threads(1)``) and have started under
:data:`ALLOCATOR_SETTINGS`. On a GPU it is the device's, by events.
"""

from __future__ import annotations

import gc
import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

import torch

from reward.step_time.clocks import stopwatch
from reward.step_time.measurement import (
    FEWEST_PAIRS,
    MACHINE_DRIFT,
    pair_ratios,
    relative_half_width,
    robust_deviation,
    standard_error,
)

T = TypeVar("T")


Step = Callable[[], object]


ALLOCATOR_SETTINGS = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "17179869184"}
"""Environment variables to set before a process that times on a CPU starts.

Without them glibc hands big buffers back to the kernel at every step, and the page faults of
getting them again bias the ratio of two networks, not only its noise.
"""


WARMUP_STEPS = 10


_CHECKS_GROW_BY = 1.25  # so that looking whether it is precise stays cheap beside the pairs


@dataclass(frozen=True)
class Precision:
    """When a measurement is done: at a narrow interval, or at its time cap.

    ``half_width`` is that of the 95 % intervals of the step and of its ratio to the reference, as a
    share of the value. The cap is in seconds of a clock on the wall; three pairs are
    taken however long a step takes.
    """

    half_width: float
    cap_s: float

    @classmethod
    def default(cls, device: torch.device, cap_s: float = 30.0) -> Precision:
        """1 % on a GPU and 2 % on a CPU, whose steps differ more from each other."""
        return cls(0.01 if device.type == "cuda" else 0.02, cap_s)


class PairedTimer:
    """Collects pairs: a step of the network itself and, right after it, one of the reference.

    In this order since steps become faster while the two take turns, for the caches' sake: in the
    other one the reference's is always a step behind, and within training, where the network's own
    steps go on between, S was about 1 % too small (benchmarks/README.md).

    ``is_precise`` is whether the intervals were as narrow as asked for when last looked at. Where
    the reference's ``usual`` step is known, pairs in which it was slowed are set aside: ``count``
    is of the others, and the least slowed make up the samples while there are too few others.
    """

    def __init__(
        self, device: torch.device, half_width: float, usual: UsualStep | None = None
    ) -> None:
        self._own, self._reference = stopwatch(device), stopwatch(device)
        self._half_width = half_width
        self._usual = usual
        self._slowed: list[tuple[float, float]] = []
        self._next_check = FEWEST_PAIRS
        self.is_precise = False
        self.count = 0
        self.last_s = 0.0  # of the network's own step in the last pair, slowed or not

    @property
    def taken(self) -> int:
        """All pairs, those that were slowed too."""
        return self.count + len(self._slowed)

    @property
    def needs_slowed(self) -> bool:
        """Whether some of the samples are of slowed pairs."""
        return bool(self._slowed) and self.count < FEWEST_PAIRS

    @property
    def standard_error(self) -> float:
        """Of S, as a share, by the pairs that were not slowed; infinite while these are too few."""
        if self.count < FEWEST_PAIRS:
            return math.inf
        return standard_error(pair_ratios(*self.samples()))

    def pair(self, step: Callable[[], T], reference: Step) -> T:
        """Takes a pair, and returns what the step returns."""
        with _no_garbage_collection():
            result = self._own.time(step)
            self._reference.time(reference)
        self.last_s = self._own.last_s()
        if self._usual is not None and self._usual.is_slowed(self._reference.last_s()):
            self._slowed.append((self._own.forget_last(), self._reference.forget_last()))
            return result
        self.count += 1
        if self.count == self._next_check:
            self._next_check = max(self.count + 4, round(self.count * _CHECKS_GROW_BY))
            self.is_precise = relative_half_width(*self.samples()) <= self._half_width
        return result

    def samples(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Seconds of each own step, and of each of the reference's."""
        own, reference = self._own.seconds(), self._reference.seconds()
        if not self.needs_slowed:
            return own, reference
        by_reference = sorted(self._slowed, key=lambda pair: pair[1])
        least = by_reference[: FEWEST_PAIRS - self.count]
        return own + tuple(s for s, _ in least), reference + tuple(s for _, s in least)


def paired_step_times(
    step: Step,
    reference: Step,
    device: torch.device,
    precision: Precision,
    warmup: int = WARMUP_STEPS,
    usual: UsualStep | None = None,
) -> PairedTimer:
    """Steps of the two in turn, after a warm-up, until they are as precise as asked for.

    The warm-up ends early, but not before its third step, where a fourth of the cap is over.
    """
    start = time.monotonic()
    for i in range(warmup):
        if i >= 3 and time.monotonic() - start > precision.cap_s / 4:
            break
        step()
        reference()
    timer = PairedTimer(device, precision.half_width, usual)
    while not timer.is_precise:
        if timer.taken >= 3 and time.monotonic() - start > precision.cap_s:
            break
        timer.pair(step, reference)
    return timer


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


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
