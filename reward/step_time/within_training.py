"""Step time within training: some of its own steps, timed in pairs with the reference's."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from reward.step_time.busy import busy_share
from reward.step_time.lease import Lease
from reward.step_time.measurement import (
    FEWEST_PAIRS,
    STANDARD_ERROR,
    StepTime,
    TimeLimitExceeded,
)
from reward.step_time.memory_and_latency import peak_memory_bytes
from reward.step_time.paired import PairedTimer, ReferenceStep, TimedStep, UsualStep
from reward.step_time.standalone import to_step_time

FIRST_ROW, FURTHER_ROW = FEWEST_PAIRS, 4  # pairs
FIRST_TIMED = 6  # the first step that takes as long as later ones do
_PAUSE = 16  # steps after a row, in which a disturbance may pass
_MOST_AT_ANY_COST = 3 * FEWEST_PAIRS
_DISTURBED = 2  # times the share, where pairs scatter


class TrainingTimer:
    """Times some steps of a training, each directly before one of the reference network's.

    A candidate is timed by the training that it gets anyway, so only the reference's steps cost
    time, and what the candidate learns does not depend on it. Pairs come in rows:

    - The first row starts at step 6 and has as many pairs as an interval needs. While some of them
      were slowed, further rows follow soon, up to 18 pairs.
    - A further row is taken whenever the cost stays within ``share`` of the time since the timer
      was made; within twice that share where the pairs scatter so much that the result would be
      marked as unsteady.
    - No row is taken once the measurement is precise.

    Rows, not single pairs, because after many steps of training the reference's memory has left the
    processor's caches and its next step is up to a tenth slower. Each row begins with an untimed
    step of the reference for the same reason (docs/step-time.md).
    """

    def __init__(
        self,
        reference: ReferenceStep,
        device: torch.device,
        half_width: float,
        share: float,
        usual: UsualStep | None = None,
        lease: Lease | None = None,
    ) -> None:
        """``half_width`` as in :class:`reward.step_time.paired.Precision`; ``share`` is the part of
        the time that timing may take; ``usual`` is the reference's usual step in this process. A
        row is taken alone on the GPU of the ``lease``, if processes share it."""
        self._reference = reference
        self._device = device
        self._share = share
        self._lease = lease
        self._timer = PairedTimer(device, half_width, usual)
        self._started = time.monotonic()
        self._steps = 0
        self._left_in_row = 0
        self._next_row = FIRST_TIMED
        self._share_now = share
        self._peak_bytes = 0
        self._busy_share: float | None = None
        self._has_leased = False  # rather than whoever called, for more than a row
        self._last: tuple[TimedStep, Tensor, Tensor] | None = None
        self._paired_s = 0.0
        self._reference_steps = 0
        self.spent_s = 0.0

    def __call__(self, step: TimedStep, images: Tensor, labels: Tensor) -> Tensor:
        """Run training's next step on images (N, C, H, W) and labels; return the loss."""
        run = partial(step, images, labels)
        self._steps += 1
        self._last = step, images, labels
        if self._steps == 2:  # the optimizer's state exists since the first step
            return self._with_peak_memory(run, step)
        if self._left_in_row or self._is_due():
            return self._in_a_row(run, step)
        return run()

    def top_up(self, fewest: int, deadline: float) -> None:
        """Take the pairs that are missing to ``fewest``, on a network that is trained already.

        If the reference stays slower than usual, this ends after three times as many pairs.

        Raises:
            TimeLimitExceeded: ``time.monotonic()`` passed the deadline.
        """
        most = self._timer.taken + 3 * fewest
        while self._last and self._timer.count < fewest and self._timer.taken < most:
            if time.monotonic() > deadline:
                raise TimeLimitExceeded("while its training step was timed")
            step, images, labels = self._last
            while self._steps < step.warmup:  # of a training of fewer steps
                step(images, labels)
                self._steps += 1
            before, start = self.spent_s, time.monotonic()
            self._in_a_row(partial(step, images, labels), step)
            self.spent_s = before + time.monotonic() - start

    def measure_busy_share(self) -> None:
        """Measure the share of the step in which the GPU computes, by a few further steps."""
        if self._last is not None:
            step, images, labels = self._last
            start = self._now()
            self._busy_share = busy_share(partial(step, images, labels), self._device)
            self.spent_s += self._now() - start

    def step_time(self) -> StepTime | None:
        """Return the result so far; None before the first pair."""
        if self._last is None or self._timer.taken == 0:
            return None
        step, images, _ = self._last
        return to_step_time(
            self._timer, self._peak_bytes, self._device, images, step, self._busy_share
        )

    def _is_due(self) -> bool:
        """Whether a row is to begin with this step."""
        if self._timer.is_precise:
            return False
        if self._timer.count < FEWEST_PAIRS and self._timer.taken < _MOST_AT_ANY_COST:
            return self._steps >= self._next_row
        row_s = self._paired_s / self._reference_steps * (FURTHER_ROW + 1)
        return self._paired_s + row_s <= self._share_now * (time.monotonic() - self._started)

    def _in_a_row(self, run: Callable[[], Tensor], step: TimedStep) -> Tensor:
        """Take the next pair of the row, of a new one where none is in progress."""
        begins = not self._left_in_row
        if self._lease is not None:
            self._has_leased |= self._lease.alone()
        if begins:
            self._left_in_row = FURTHER_ROW if self._timer.taken else FIRST_ROW
        self._left_in_row -= 1
        loss = self._pair(run, step, begins)
        if not self._left_in_row:
            if self._lease is not None and self._has_leased:
                self._lease.together()
                self._has_leased = False
            self._next_row = self._steps + 1 + _PAUSE
            is_disturbed = self._timer.standard_error > STANDARD_ERROR
            self._share_now = self._share * (_DISTURBED if is_disturbed else 1)
        return loss

    def _pair(self, run: Callable[[], Tensor], step: TimedStep, begins_a_row: bool) -> Tensor:
        start = self._now()
        reference = partial(self._reference, step.mode)
        if begins_a_row:
            reference()
        loss = self._timer.pair(run, reference)
        candidate_s = self._timer.last_s
        seconds = max(0.0, self._now() - start - candidate_s)
        self._paired_s += seconds
        self._reference_steps += 1 + begins_a_row
        self.spent_s += seconds
        if self._timer.taken == 1:  # the step whose memory was measured was one of training's too
            self.spent_s -= min(candidate_s, self.spent_s)
        return loss

    def _now(self) -> float:
        """Return the time in seconds, once the device has finished what was queued."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.monotonic()

    def _with_peak_memory(self, run: Callable[[], Tensor], step: TimedStep) -> Tensor:
        """Run the step and measure its peak memory."""
        losses: list[Tensor] = []
        start = self._now()
        self._peak_bytes = peak_memory_bytes(
            lambda: losses.append(run()), step.network, step.optimizer, self._device
        )
        self.spent_s += self._now() - start
        return losses[0]
