"""Pairs of steps: one of a network and, directly after it, one of a reference network.

The ratio of a pair cancels changes in the machine's speed, and makes candidates comparable that
were timed on different machines of one kind. On a CPU the process must run one thread
(``torch.set_num_threads(1)``) and must have been started under the allocator's settings
(:mod:`reward.step_time.allocator`).
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
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

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

WARMUP_STEPS = 10
_FEWEST_AT_CAP = 3  # pairs, however long a step takes
_CHECKS_GROW_BY = 1.25  # checks become rarer, so that they stay cheap beside the pairs


class TimedStep(Protocol):
    """One training step, as it is timed: forward, backward, and optimizer on one batch.

    Called with images (N, C, H, W) and labels it trains the network once and returns the loss.
    """

    @property
    def network(self) -> nn.Module:
        """The network that the step trains."""

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """The optimizer with its state."""

    @property
    def micro_batch(self) -> int | None:
        """The number of images processed at once, gradients accumulated; None for the batch."""

    @property
    def mode(self) -> str:
        """How it runs, such as ``eager`` or ``graph``; the reference must run in the same way."""

    @property
    def eager(self) -> TimedStep:
        """The same step as it runs without a CUDA graph; itself, if it is none."""

    @property
    def failure(self) -> str | None:
        """Why it does not run in a faster mode that it was meant to run in."""

    @property
    def warmup(self) -> int:
        """The steps after which all take alike."""

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        """Run the step."""


ReferenceStep = Callable[[str], object]
"""Runs one step of the reference network on its own batch, in a mode of :class:`TimedStep`."""


@dataclass(frozen=True)
class Precision:
    """When a measurement ends: at a narrow interval, or at a time cap.

    ``half_width`` is half of the 95 % interval's width, of the step and of its ratio to the
    reference, as a share of the value. ``cap_s`` is in seconds of wall time; three pairs are taken
    however long a step takes.
    """

    half_width: float
    cap_s: float

    @classmethod
    def default(cls, device: torch.device, cap_s: float = 30.0) -> Precision:
        """Return 1 % on a GPU and 2 % on a CPU, where steps differ more from each other."""
        return cls(0.01 if device.type == "cuda" else 0.02, cap_s)


class UsualStep:
    """The usual step time of the reference in one process: the median of its last 64 steps.

    Other work that takes a shared cache, memory bandwidth, or half of a core slows two networks by
    unequal shares, so their ratio changes while it lasts. A step counts as slowed if it is more
    than 10 % over the usual, and more than 3 robust standard deviations where steps scatter:
    selecting among mere noise would bias the ratio. At least 8 steps must be known. A machine that
    stays slower becomes the usual one after half of the 64 (docs/step-time.md).
    """

    _REMEMBERED = 64
    _FEWEST = 8
    _DEVIATIONS = 3

    def __init__(self) -> None:
        self._last: deque[float] = deque(maxlen=self._REMEMBERED)

    def observe(self, seconds: float) -> bool:
        """Remember a step, and return whether it took much longer than usual."""
        is_slowed = len(self._last) >= self._FEWEST and seconds > self._limit_s()
        self._last.append(seconds)
        return is_slowed

    def _limit_s(self) -> float:
        scatter = robust_deviation(self._last)
        return median(self._last) * (1 + max(MACHINE_DRIFT, self._DEVIATIONS * scatter))


class PairedTimer:
    """Collects pairs: a step of the candidate and, directly after it, one of the reference.

    The order matters: the first of two that take turns is always a step behind while caches warm
    up, which made S about 1 % too small in the other order (docs/step-time.md).

    ``is_precise`` is whether the intervals were as narrow as asked for at the last check. If the
    reference's ``usual`` step is given, pairs in which it was slowed are set aside. ``count`` is
    the number of pairs that were not slowed. While it is below 6, the least slowed pairs are among
    the samples too.
    """

    def __init__(
        self, device: torch.device, half_width: float, usual: UsualStep | None = None
    ) -> None:
        self._candidate, self._reference = stopwatch(device), stopwatch(device)
        self._half_width = half_width
        self._usual = usual
        self._slowed: list[tuple[float, float]] = []
        self._next_check = FEWEST_PAIRS
        self.is_precise = False
        self.count = 0
        self.last_s = 0.0  # of the candidate's step in the last pair, slowed or not

    @property
    def taken(self) -> int:
        """The number of all pairs, slowed ones included."""
        return self.count + len(self._slowed)

    @property
    def needs_slowed(self) -> bool:
        """Whether some of the samples come from slowed pairs."""
        return bool(self._slowed) and self.count < FEWEST_PAIRS

    @property
    def standard_error(self) -> float:
        """The standard error of S as a share, from pairs not slowed; infinite below 6 of them."""
        if self.count < FEWEST_PAIRS:
            return math.inf
        return standard_error(pair_ratios(*self.samples()))

    def pair(self, step: Callable[[], T], reference: Callable[[], object]) -> T:
        """Take one pair and return the result of ``step``."""
        with _no_garbage_collection():
            result = self._candidate.time(step)
            self._reference.time(reference)
        self.last_s = self._candidate.last_s()
        if self._usual is not None and self._usual.observe(self._reference.last_s()):
            self._slowed.append((self._candidate.forget_last(), self._reference.forget_last()))
            return result
        self.count += 1
        if self.count == self._next_check:
            self._next_check = max(self.count + 4, round(self.count * _CHECKS_GROW_BY))
            self.is_precise = relative_half_width(*self.samples()) <= self._half_width
        return result

    def samples(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the seconds of the candidate's steps and of the reference's, pair by pair."""
        candidate, reference = self._candidate.seconds(), self._reference.seconds()
        if not self.needs_slowed:
            return candidate, reference
        by_reference = sorted(self._slowed, key=lambda pair: pair[1])
        least = by_reference[: FEWEST_PAIRS - self.count]
        return candidate + tuple(s for s, _ in least), reference + tuple(s for _, s in least)


def paired_step_times(
    step: Callable[[], object],
    reference: Callable[[], object],
    device: torch.device,
    precision: Precision,
    warmup: int = WARMUP_STEPS,
    usual: UsualStep | None = None,
    fewest: int = 3,
) -> PairedTimer:
    """Take pairs after a warm-up, until they are as precise as asked for or the cap is reached.

    The warm-up ends early once a quarter of the cap has passed, but not before its ``fewest``
    steps.
    """
    start = time.monotonic()
    for i in range(warmup):
        if i >= fewest and time.monotonic() - start > precision.cap_s / 4:
            break
        step()
        reference()
    timer = PairedTimer(device, precision.half_width, usual)
    while not timer.is_precise:
        if timer.taken >= _FEWEST_AT_CAP and time.monotonic() - start > precision.cap_s:
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
