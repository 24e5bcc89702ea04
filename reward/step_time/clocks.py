"""The clocks that steps are timed with: the process's own time, or the GPU's events."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

import torch

T = TypeVar("T")


class Stopwatch(Protocol):
    """Times calls and keeps what each took."""

    def time(self, call: Callable[[], T]) -> T:
        """Returns what the call returns."""

    def seconds(self) -> tuple[float, ...]:
        """What each call took so far, in their order; waits for a device that is still at it."""

    def last_s(self) -> float:
        """What the last call took; waits for it."""

    def forget_last(self) -> float:
        """Takes the last call out, and returns its seconds."""


class ProcessStopwatch:
    """The process's own time on a CPU, which a neighbour on another core does not stop."""

    def __init__(self) -> None:
        self._taken: list[float] = []

    def time(self, call: Callable[[], T]) -> T:
        """Returns what the call returns."""
        start = time.process_time()
        result = call()
        self._taken.append(time.process_time() - start)
        return result

    def seconds(self) -> tuple[float, ...]:
        """What each call took so far."""
        return tuple(self._taken)

    def last_s(self) -> float:
        """What the last call took."""
        return self._taken[-1]

    def forget_last(self) -> float:
        """Takes the last call out, and returns its seconds."""
        return self._taken.pop()


class EventStopwatch:
    """A GPU's time between two events in its queue.

    Each call begins with an empty queue, so that what it costs to launch its kernels is its own:
    queued behind another call's work, a small network's launches would be hidden by it.
    """

    def __init__(self) -> None:
        self._taken: list[float] = []
        self._queued: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []

    def time(self, call: Callable[[], T]) -> T:
        """Returns what the call returns."""
        start = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        end = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()
        start.record()
        result = call()
        end.record()
        self._queued.append((start, end))
        return result

    def seconds(self) -> tuple[float, ...]:
        """What each call took so far; waits for the last of them."""
        self._read()
        return tuple(self._taken)

    def last_s(self) -> float:
        """What the last call took; waits for it."""
        self._read()
        return self._taken[-1]

    def forget_last(self) -> float:
        """Takes the last call out, and returns its seconds; waits for it."""
        self._read()
        return self._taken.pop()

    def _read(self) -> None:
        for start, end in self._queued:
            end.synchronize()
            self._taken.append(float(start.elapsed_time(end)) / 1000)
        self._queued.clear()


def stopwatch(device: torch.device) -> Stopwatch:
    """A new one for what runs on the device."""
    return EventStopwatch() if device.type == "cuda" else ProcessStopwatch()


def device_name(device: torch.device) -> str:
    """What the step ran on, such as ``NVIDIA H200`` or ``Intel(R) Xeon(R), 1 thread``."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{processor_name()}, {threads} thread{'s' if threads > 1 else ''}"


def processor_name() -> str:
    """As Linux tells it, and else as Python does."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def mixed_precision(device: torch.device) -> torch.autocast:
    """bfloat16 where the device computes with it."""
    has_bfloat16 = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.autocast(device.type, torch.bfloat16, has_bfloat16)
