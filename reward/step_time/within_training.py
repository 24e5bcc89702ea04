"""The measured time of training's own step, taken within training."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from nas.training.step import TrainingStep
from reward.step_time.measurement import FEWEST_PAIRS, STANDARD_ERROR, StepTime, TimeLimitExceeded
from reward.step_time.memory_and_latency import peak_memory_bytes
from reward.step_time.paired import PairedTimer, UsualStep
from reward.step_time.standalone import to_step_time

FIRST_ROW, FURTHER_ROW = FEWEST_PAIRS, 4  # pairs
FIRST_TIMED = 6  # the first step that is like any other, by measurement
_PAUSE = 16  # steps, in which what disturbed a row may pass
_MOST_AT_ANY_COST = 3 * FEWEST_PAIRS
_DISTURBED = 2  # times the share, where pairs scatter


class TrainingTimer:
    """Times some of training's own steps, each right before one of the reference's.

    A candidate is timed by the training that it gets anyway, so that only the reference's steps
    cost time. Pairs come in rows: one at the start, as long as an interval takes, and a further one
    whenever it keeps them all within ``share`` of what has passed since the timer was made; within
    twice as much where pairs scatter so much that the measurement would be marked for it. Others
    follow soon, up to 18 pairs, for those that were slowed, since it takes 6 that were not. It
    stops once the measurement is precise. What a candidate learns does not depend on it.

    In rows, and not one by one, since after many steps of training the reference's memory has left
    the processor's caches: its next step is slower by up to a tenth than it is in turn with the
    candidate's, as a measurement outside of training takes it. A row therefore begins with an
    untimed step of the reference.
    """

    def __init__(
        self,
        reference: Callable[[], object],
        device: torch.device,
        half_width: float,
        share: float,
        usual: UsualStep | None = None,
    ) -> None:
        """``half_width`` as in :class:`reward.step_time.paired.Precision`; ``reference`` runs
        its step, ``usual`` knows how long that takes."""
        self._reference = reference
        self._device = device
        self._share = share
        self._timer = PairedTimer(device, half_width, usual)
        self._started = time.monotonic()
        self._steps = 0
        self._left_in_row = 0
        self._next_row = FIRST_TIMED
        self._share_now = share
        self._peak_bytes = 0
        self._last: tuple[TrainingStep, Tensor, Tensor] | None = None
        self._paired_s = 0.0
        self._reference_steps = 0
        self.spent_s = 0.0

    def __call__(self, step: TrainingStep, images: Tensor, labels: Tensor) -> Tensor:
        """Runs training's next step; takes (N, C, H, W) images and labels, returns the loss."""
        run = partial(step, images, labels)
        self._steps += 1
        self._last = step, images, labels
        if self._steps == 2:  # the optimizer's state is there since the first
            return self._watched(run, step)
        if self._left_in_row or self._is_due():
            return self._in_a_row(run)
        return run()

    def top_up(self, fewest: int, deadline: float) -> None:
        """Takes what is missing to so many pairs, on a network that needs no further training.

        Where the reference stays slower than usual it gives up after three times as many.

        Raises:
            TimeLimitExceeded: ``time.monotonic()`` passed the deadline.
        """
        most = self._timer.taken + 3 * fewest
        while self._last and self._timer.count < fewest and self._timer.taken < most:
            if time.monotonic() > deadline:
                raise TimeLimitExceeded("while its training step was timed")
            step, images, labels = self._last
            before, start = self.spent_s, time.monotonic()
            self._in_a_row(partial(step, images, labels))
            self.spent_s = before + time.monotonic() - start

    def step_time(self) -> StepTime | None:
        """What is known so far; None before the first pair."""
        if self._last is None or self._timer.taken == 0:
            return None
        step, images, _ = self._last
        return to_step_time(self._timer, self._peak_bytes, self._device, images, step.micro_batch)

    def _is_due(self) -> bool:
        if self._timer.is_precise:
            return False
        if self._timer.count < FEWEST_PAIRS and self._timer.taken < _MOST_AT_ANY_COST:
            return self._steps >= self._next_row
        row_s = self._paired_s / self._reference_steps * (FURTHER_ROW + 1)
        return self._paired_s + row_s <= self._share_now * (time.monotonic() - self._started)

    def _in_a_row(self, run: Callable[[], Tensor]) -> Tensor:
        """The next pair of a row, a new one where none is under way."""
        begins = not self._left_in_row
        if begins:
            self._left_in_row = FURTHER_ROW if self._timer.taken else FIRST_ROW
        self._left_in_row -= 1
        loss = self._pair(run, begins)
        if not self._left_in_row:
            self._next_row = self._steps + 1 + _PAUSE
            is_disturbed = self._timer.standard_error > STANDARD_ERROR
            self._share_now = self._share * (_DISTURBED if is_disturbed else 1)
        return loss

    def _pair(self, run: Callable[[], Tensor], begins_a_row: bool) -> Tensor:
        start = self._now()
        if begins_a_row:
            self._reference()
        loss = self._timer.pair(run, self._reference)
        own_s = self._timer.last_s
        seconds = max(0.0, self._now() - start - own_s)
        self._paired_s += seconds
        self._reference_steps += 1 + begins_a_row
        self.spent_s += seconds
        if self._timer.taken == 1:  # the step that was watched trained the network like any other
            self.spent_s -= min(own_s, self.spent_s)
        return loss

    def _now(self) -> float:
        """Seconds, once the device has done what was queued."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.monotonic()

    def _watched(self, run: Callable[[], Tensor], step: TrainingStep) -> Tensor:
        losses: list[Tensor] = []
        start = self._now()
        self._peak_bytes = peak_memory_bytes(
            lambda: losses.append(run()), step.network, step.optimizer, self._device
        )
        self.spent_s += self._now() - start
        return losses[0]
