"""The clocks that steps are timed with: the process's own time, or the GPU's events."""

from __future__ import annotations

import time
from collections.abc import Callable
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
