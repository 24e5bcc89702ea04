"""The measured time of training's own step, of a network in turn with a reference."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from nas.failure import failure
from nas.micro_batch import micro_batches
from nas.training.loop import TimeLimitExceeded
from nas.training.recipe import Recipe
from nas.training.step import TrainingStep, training_step
from reward.device import device_name
from reward.measurements import StepTime
from reward.peak_memory import peak_memory_bytes
from reward.steadiness import unsteadiness
from reward.step_time import WARMUP_STEPS, PairedTimer, Precision, paired_step_times


@dataclass(frozen=True)
class Subject:
    """A network on its device, with a batch (N, C, H, W) in the memory format of training."""

    network: nn.Module
    images: Tensor
    labels: Tensor

    def step(self, recipe: Recipe) -> TrainingStep:
        """Training's step at learning rate 0: the same work, on weights that stay as they are.

        Weights that grow or shrink under many steps on one batch would change the time: a CPU is
        slower on subnormal numbers.
        """
        return training_step(self.network, replace(recipe, learning_rate=0.0))

    def fitting_step(self, recipe: Recipe) -> TrainingStep:
        """The step in the largest micro-batches that fit into memory.

        Raises:
            MemoryError: when even two images at a time do not fit.
        """
        said = ""
        for micro_batch in micro_batches(len(self.labels)):
            step = self.step(replace(recipe, micro_batch=micro_batch))
            problem = _memory_error(step, self.images, self.labels)
            if problem is None:
                return step
            said = problem
        raise MemoryError(said)


def measured_step_time(
    own: Subject,
    step: TrainingStep,
    reference: Callable[[], object],
    device: torch.device,
    precision: Precision,
    deadline: float = math.inf,
    warmup: int = WARMUP_STEPS,
) -> StepTime:
    """The ``step`` of ``own`` in turn with the reference's; both networks' statistics change.

    Measured once more if something disturbed it, and marked if it still did. Of a step that takes
    its batch in parts, gradients accumulated, the time is that of the whole batch all the same.

    Raises:
        TimeLimitExceeded: ``time.monotonic()`` passed the deadline.
    """

    def timed() -> Tensor:
        return step(own.images, own.labels)

    def timed_reference() -> None:
        if time.monotonic() > deadline:
            raise TimeLimitExceeded("while its training step was timed")
        reference()

    timer = paired_step_times(timed, timed_reference, device, precision, warmup)
    disturbed = unsteadiness(*timer.samples())
    if disturbed is not None:
        again = paired_step_times(timed, timed_reference, device, precision, warmup)
        timer = again if again.count >= timer.count or again.is_precise else timer
    peak = peak_memory_bytes(timed, step.network, step.optimizer, device)
    return _step_time(timer, peak, device, own.images, step.micro_batch)


class TrainingTimer:
    """Times some of training's own steps, each right after one of the reference's.

    A candidate is timed by the training that it gets anyway, all over its length, so that only the
    reference's steps cost time: at most ``share`` of what has passed since the timer was made. It
    stops once the measurement is precise. What a candidate learns does not depend on it.
    """

    def __init__(
        self,
        reference: Callable[[], object],
        device: torch.device,
        half_width: float,
        share: float,
    ) -> None:
        """``half_width`` as in :class:`reward.step_time.Precision`; ``reference`` runs its step."""
        self._reference = reference
        self._device = device
        self._share = share
        self._timer = PairedTimer(device, half_width)
        self._started = time.monotonic()
        self._steps = 0
        self._peak_bytes = 0
        self._last: tuple[TrainingStep, Tensor, Tensor] | None = None
        self._paired_s = 0.0
        self.spent_s = 0.0

    def __call__(self, step: TrainingStep, images: Tensor, labels: Tensor) -> Tensor:
        """Runs training's next step; takes (N, C, H, W) images and labels, returns the loss."""
        run = partial(step, images, labels)
        self._steps += 1
        self._last = step, images, labels
        if self._steps == 2:  # the optimizer's state is there since the first
            return self._watched(run, step)
        if self._steps > 3 and self._is_due():
            return self._pair(run)
        return run()

    def top_up(self, fewest: int, deadline: float) -> None:
        """Takes what is missing to so many pairs, on a network that needs no further training.

        Raises:
            TimeLimitExceeded: ``time.monotonic()`` passed the deadline.
        """
        while self._last is not None and self._timer.count < fewest:
            if time.monotonic() > deadline:
                raise TimeLimitExceeded("while its training step was timed")
            step, images, labels = self._last
            before, start = self.spent_s, time.monotonic()
            self._pair(partial(step, images, labels))
            self.spent_s = before + time.monotonic() - start

    def step_time(self) -> StepTime | None:
        """What is known so far; None before the first pair."""
        if self._last is None or self._timer.count == 0:
            return None
        step, images, _ = self._last
        return _step_time(self._timer, self._peak_bytes, self._device, images, step.micro_batch)

    def _is_due(self) -> bool:
        if self._timer.is_precise:
            return False
        return self._paired_s <= self._share * (time.monotonic() - self._started)

    def _pair(self, run: Callable[[], Tensor]) -> Tensor:
        start = self._now()
        if self._timer.count == 0:
            self._reference()  # its memory is taken and its code is loaded
        loss = self._timer.pair(run, self._reference)
        own_s = self._timer.samples()[0][-1]
        cost_s = max(0.0, self._now() - start - own_s)
        self._paired_s += cost_s
        self.spent_s += cost_s
        if self._timer.count == 1:  # the step that was watched trained the network like any other
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


def _step_time(
    timer: PairedTimer,
    peak_bytes: int,
    device: torch.device,
    images: Tensor,
    micro_batch: int | None,
) -> StepTime:
    samples, reference_samples = timer.samples()
    return StepTime(
        samples_s=samples,
        reference_samples_s=reference_samples,
        peak_memory_bytes=peak_bytes,
        device=device_name(device),
        image_size=int(images.shape[-1]),
        batch_size=len(images),
        micro_batch_size=micro_batch,
        is_precise=timer.is_precise,
        unsteady=unsteadiness(samples, reference_samples),
    )


def _memory_error(step: TrainingStep, images: Tensor, labels: Tensor) -> str | None:
    """What is said where the step does not fit into memory; None where it does.

    Run twice: the optimizer's state is there only since the first step's end.
    """
    try:
        for _ in range(2):
            step(images, labels)
        if images.device.type == "cuda":
            torch.cuda.synchronize(images.device)
    except Exception as error:
        cause, detail = failure(error)
        if cause != "out_of_memory":
            raise
        if images.device.type == "cuda":
            torch.cuda.empty_cache()
        return detail
    return None
