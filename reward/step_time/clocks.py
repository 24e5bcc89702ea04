"""Clocks for steps, and the device that they run on: its name, precision, and memory format."""

from __future__ import annotations

import platform
import re
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Protocol, TypeVar

import torch
from torch import nn

T = TypeVar("T")
N = TypeVar("N", bound=nn.Module)


class Stopwatch(Protocol):
    """Times calls and keeps the seconds of each."""

    def time(self, call: Callable[[], T]) -> T:
        """Time one call and return its result."""

    def seconds(self) -> tuple[float, ...]:
        """Return the seconds of each call in order; waits until the device has finished them."""

    def last_s(self) -> float:
        """Return the seconds of the last call; waits until the device has finished it."""

    def forget_last(self) -> float:
        """Remove the last call and return its seconds."""


class ProcessStopwatch:
    """The process's own CPU time, which a busy neighbour on another core does not stop."""

    def __init__(self) -> None:
        self._taken: list[float] = []

    def time(self, call: Callable[[], T]) -> T:
        """Time one call and return its result."""
        start = time.process_time()
        result = call()
        self._taken.append(time.process_time() - start)
        return result

    def seconds(self) -> tuple[float, ...]:
        """Return the seconds of each call in order."""
        return tuple(self._taken)

    def last_s(self) -> float:
        """Return the seconds of the last call."""
        return self._taken[-1]

    def forget_last(self) -> float:
        """Remove the last call and return its seconds."""
        return self._taken.pop()


class EventStopwatch:
    """A GPU's time between two events in its queue.

    Each call begins with an empty queue, so that the launches of its kernels are part of its time:
    queued behind another call's work, the launches of a small network would be hidden by it.
    """

    def __init__(self) -> None:
        self._taken: list[float] = []
        self._queued: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []

    def time(self, call: Callable[[], T]) -> T:
        """Time one call and return its result."""
        start = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        end = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()
        start.record()
        result = call()
        end.record()
        self._queued.append((start, end))
        return result

    def seconds(self) -> tuple[float, ...]:
        """Return the seconds of each call in order; waits until the GPU has finished them."""
        self._read()
        return tuple(self._taken)

    def last_s(self) -> float:
        """Return the seconds of the last call; waits until the GPU has finished it."""
        self._read()
        return self._taken[-1]

    def forget_last(self) -> float:
        """Remove the last call and return its seconds; waits until the GPU has finished it."""
        self._read()
        return self._taken.pop()

    def _read(self) -> None:
        for start, end in self._queued:
            end.synchronize()
            self._taken.append(float(start.elapsed_time(end)) / 1000)
        self._queued.clear()


def stopwatch(device: torch.device) -> Stopwatch:
    """Make a new stopwatch for calls that run on the device."""
    return EventStopwatch() if device.type == "cuda" else ProcessStopwatch()


def device_name(device: torch.device) -> str:
    """Name the device, such as ``NVIDIA H200`` or ``Intel(R) Xeon(R), 1 thread``."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{processor_name()}, {threads} thread{'s' if threads > 1 else ''}"


def processor_name() -> str:
    """Name the CPU by Linux's ``/proc/cpuinfo``, elsewhere by Python's ``platform``."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


@cache  # is asked for with each epoch's step time
def host_name(device: torch.device) -> str | None:
    """Name the CPU that launches a GPU's work; None for a CPU, which names itself."""
    return processor_name() if device.type == "cuda" else None


@cache
def driver_version(device: torch.device) -> str | None:
    """Return the version of NVIDIA's driver, such as ``580.159.03``, if Linux tells it."""
    if device.type != "cuda":
        return None
    try:
        text = Path("/proc/driver/nvidia/version").read_text()
    except OSError:
        return None
    found = re.search(r"Module\D*?(\d+\.[\d.]+)", text)
    return found and found.group(1)


def mixed_precision(device: torch.device) -> torch.autocast:
    """Autocast to bfloat16 where the device computes with it; elsewhere float32 as it is."""
    return torch.autocast(device.type, torch.bfloat16, has_bfloat16(device))


def has_bfloat16(device: torch.device) -> bool:
    """Return whether it is a GPU that computes with bfloat16: of compute capability 8 or more."""
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def to_channels_last(network: N, device: torch.device) -> N:
    """Move the network to the device, channels last, in which convolutions are faster.

    Its images (N, C, H, W) must be in the same memory format.
    """
    moved: N = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return moved
