"""Step time standing alone: measured outside of training, at learning rate 0."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from reward.step_time.busy import busy_share
from reward.step_time.clocks import device_name, driver_version, host_name
from reward.step_time.measurement import (
    SLOWED_THROUGHOUT,
    Conditions,
    StepTime,
    TimeLimitExceeded,
    unsteadiness,
)
from reward.step_time.memory_and_latency import is_out_of_memory, peak_memory_bytes
from reward.step_time.paired import (
    WARMUP_STEPS,
    PairedTimer,
    Precision,
    ReferenceStep,
    TimedStep,
    UsualStep,
    paired_step_times,
)

SMALLEST_MICRO_BATCH = 2  # batch normalisation has no statistics of one image

MakeStep = Callable[[nn.Module, int | None], TimedStep]
"""Makes a network's step, which is then timed, with a micro-batch; None is the whole batch.

Its learning rate is to be 0, so that it does the same work on weights that stay as they are: under
many steps on one batch they would grow or shrink, and a CPU is slower on subnormal numbers.
"""


@dataclass(frozen=True)
class TimedNetwork:
    """A network on its device, with a batch (N, C, H, W) in the memory format of training."""

    network: nn.Module
    images: Tensor
    labels: Tensor
    make_step: MakeStep

    def step(self, micro_batch: int | None = None) -> TimedStep:
        """Make a step of the network, ``micro_batch`` images at once; None is the whole batch."""
        return self.make_step(self.network, micro_batch)

    def fitting_step(self) -> TimedStep:
        """Make the step with the largest micro-batch that fits into memory.

        Raises:
            MemoryError: even two images at once do not fit.
        """
        last_problem = ""
        for micro_batch in micro_batches(len(self.labels)):
            step = self.step(micro_batch)
            problem = _memory_problem(step, self.images, self.labels)
            if problem is None:
                return step
            last_problem = problem
        raise MemoryError(last_problem)


def measure_step_time(
    candidate: TimedNetwork,
    step: TimedStep,
    reference: ReferenceStep,
    device: torch.device,
    precision: Precision,
    deadline: float = math.inf,
    warmup: int = WARMUP_STEPS,
    usual: UsualStep | None = None,
) -> StepTime:
    """Measure the ``step`` of the candidate in pairs with the reference's.

    A disturbed measurement is repeated once. The second one counts unless it has fewer undisturbed
    pairs and is not precise; it is marked if it was disturbed too. Both networks' batch statistics
    change. With a micro-batch the time is that of the whole batch all the same.

    Raises:
        TimeLimitExceeded: ``time.monotonic()`` passed the deadline.
    """

    def candidate_step() -> Tensor:
        return step(candidate.images, candidate.labels)

    def reference_step() -> None:
        if time.monotonic() > deadline:
            raise TimeLimitExceeded("while its training step was timed")
        reference(step.mode)

    def measure() -> PairedTimer:
        return paired_step_times(
            candidate_step, reference_step, device, precision, warmup, usual, 1 + step.warmup
        )

    timer = measure()
    if unsteadiness(*timer.samples()) is not None:
        again = measure()
        timer = again if again.count >= timer.count or again.is_precise else timer
    peak = _peak_memory_bytes(candidate, step, device)
    share = busy_share(candidate_step, device)
    return to_step_time(timer, peak, device, candidate.images, step, share)


def _peak_memory_bytes(candidate: TimedNetwork, step: TimedStep, device: torch.device) -> int:
    """Return the peak memory of the step, eager: a CUDA graph holds its memory all the time."""
    run = partial(step.eager, candidate.images, candidate.labels)
    if step.eager is not step:  # its libraries may take memory at its first step in this stream
        run()
    return peak_memory_bytes(run, step.network, step.optimizer, device)


def to_step_time(
    timer: PairedTimer,
    peak_bytes: int,
    device: torch.device,
    images: Tensor,
    step: TimedStep,
    busy: float | None = None,
) -> StepTime:
    """Return the result of the timer's pairs, for a step on ``images`` (N, C, H, W).

    ``busy`` is the share of the step in which the GPU computes, where that is known.
    """
    samples, reference_samples = timer.samples()
    return StepTime(
        samples_s=samples,
        reference_samples_s=reference_samples,
        peak_memory_bytes=peak_bytes,
        device=device_name(device),
        image_size=int(images.shape[-1]),
        batch_size=len(images),
        micro_batch_size=step.micro_batch,
        conditions=Conditions(
            mode=step.mode,
            failure=step.failure,
            busy_share=busy,
            host=host_name(device),
            driver=driver_version(device),
        ),
        is_precise=timer.is_precise,
        unsteady=SLOWED_THROUGHOUT
        if timer.needs_slowed
        else unsteadiness(samples, reference_samples),
    )


def micro_batches(batch_size: int) -> Iterator[int | None]:
    """Yield what to try where a batch does not fit: None for all of it, then halves down to 2."""
    yield None
    micro_batch = batch_size
    while micro_batch > SMALLEST_MICRO_BATCH:
        micro_batch = max(SMALLEST_MICRO_BATCH, -(-micro_batch // 2))
        yield micro_batch


def _memory_problem(step: TimedStep, images: Tensor, labels: Tensor) -> str | None:
    """Return the error's text where the step does not fit into memory; None where it does.

    The step runs until its memory is what it will be: the optimizer's state exists only after the
    first step, and a CUDA graph later.
    """
    try:
        for _ in range(step.warmup):
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
