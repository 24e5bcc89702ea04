"""What is measured of a candidate, raw; rewards are computed from it when it is read."""

from __future__ import annotations

from dataclasses import dataclass


class TimeLimitExceeded(Exception):
    """The deadline passed before the training or the measurement was done."""


@dataclass(frozen=True)
class Complexity:
    """Trainable parameters, and multiply-adds of one image's forward pass."""

    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class StepTime:
    """The measured time of training steps, and of a reference network's in turn with them.

    ``samples_s`` and ``reference_samples_s`` are seconds, one entry a step, in pairs taken one
    after the other; the rest follows from them, in :mod:`reward.step_time_statistics`.
    """

    samples_s: tuple[float, ...]
    reference_samples_s: tuple[float, ...]
    peak_memory_bytes: int
    device: str  # such as "Intel Xeon, 1 thread" or "NVIDIA H200"
    image_size: int
    batch_size: int
    micro_batch_size: int | None = None  # None: the whole batch; else gradients were accumulated
    is_precise: bool = False  # the interval became as narrow as was asked for, before the time cap
    unsteady: str | None = None  # what disturbed it, in words
