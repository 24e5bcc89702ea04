"""The measured time of training's own step, of a network in turn with a reference."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from nas.training.loop import TimeLimitExceeded
from nas.training.recipe import Recipe
from nas.training.step import TrainingStep, training_step
from reward.measurements import StepTime
from reward.peak_memory import peak_memory_bytes
from reward.step_time import PAIRS, WARMUP_STEPS, device_name, paired_step_times


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


def measured_step_time(
    own: Subject,
    reference: Subject,
    recipe: Recipe,
    device: torch.device,
    deadline: float = math.inf,
    warmup: int = WARMUP_STEPS,
    pairs: int = PAIRS,
) -> StepTime:
    """The step of ``own`` in turn with the reference's; both networks' statistics change.

    Raises:
        TimeLimitExceeded: ``time.monotonic()`` passed the deadline.
    """
    own_step, reference_step = own.step(recipe), reference.step(recipe)

    def timed() -> None:
        own_step(own.images, own.labels)

    def timed_reference() -> None:
        if time.monotonic() > deadline:
            raise TimeLimitExceeded("while its training step was timed")
        reference_step(reference.images, reference.labels)

    samples, reference_samples = paired_step_times(timed, timed_reference, device, warmup, pairs)
    peak = peak_memory_bytes(timed, own_step.network, own_step.optimizer, device)
    batch_size, image_size = len(own.labels), int(own.images.shape[-1])
    name = device_name(device)
    return StepTime(samples, reference_samples, peak, name, image_size, batch_size)
