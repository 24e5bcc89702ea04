"""The measured time of training's own step, of a network in turn with a reference."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from nas.training.recipes import Recipe
from nas.training.step import TrainingStep, training_step
from reward.step_time.clocks import device_name
from reward.step_time.measurement import (
    SLOWED_THROUGHOUT,
    StepTime,
    TimeLimitExceeded,
    unsteadiness,
)
from reward.step_time.memory_and_latency import is_out_of_memory, peak_memory_bytes
from reward.step_time.paired import (
    WARMUP_STEPS,
    PairedTimer,
    Precision,
    UsualStep,
    paired_step_times,
)


@dataclass(frozen=True)
class TimedNetwork:
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


def measure_step_time(
    own: TimedNetwork,
    step: TrainingStep,
    reference: Callable[[], object],
    device: torch.device,
    precision: Precision,
    deadline: float = math.inf,
    warmup: int = WARMUP_STEPS,
    usual: UsualStep | None = None,
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

    timer = paired_step_times(timed, timed_reference, device, precision, warmup, usual)
    disturbed = unsteadiness(*timer.samples())
    if disturbed is not None:
        again = paired_step_times(timed, timed_reference, device, precision, warmup, usual)
        timer = again if again.count >= timer.count or again.is_precise else timer
    peak = peak_memory_bytes(timed, step.network, step.optimizer, device)
    return to_step_time(timer, peak, device, own.images, step.micro_batch)


def to_step_time(
    timer: PairedTimer,
    peak_bytes: int,
    device: torch.device,
    images: Tensor,
    micro_batch: int | None,
) -> StepTime:
    """What the timer has measured of a step on ``images`` (N, C, H, W)."""
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
        unsteady=SLOWED_THROUGHOUT
        if timer.needs_slowed
        else unsteadiness(samples, reference_samples),
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
        if not is_out_of_memory(error):
            raise
        if images.device.type == "cuda":
            torch.cuda.empty_cache()
        return " ".join(str(error).split())[:300]
    return None


SMALLEST = 2  # batch normalisation has no statistics of one image


def micro_batches(batch_size: int) -> Iterator[int | None]:
    """The whole batch, None, and then its halves, quarters and so on down to two images."""
    yield None
    micro_batch = batch_size
    while micro_batch > SMALLEST:
        micro_batch = max(SMALLEST, -(-micro_batch // 2))
        yield micro_batch
