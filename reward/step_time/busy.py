"""The share of a step in which a GPU computes; for the rest it waits for launches by the CPU."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import torch
from torch.profiler import ProfilerActivity, profile, supported_activities

_STEPS = 3


def busy_share(step: Callable[[], object], device: torch.device) -> float | None:
    """Return the share of a step's time in which at least one kernel runs, 0 to 1.

    The time is that of steps one after the other, each on an empty queue, as step time is measured.
    None where the device does not tell, such as a CPU.
    """
    if device.type != "cuda" or ProfilerActivity.CUDA not in supported_activities():  # type: ignore[no-untyped-call]
        return None
    step_s = _seconds(step, device)
    spans = kernel_spans_ns(step, _STEPS, device)
    if not spans:
        return None
    return min(1.0, covered_ns(spans) / 1e9 / _STEPS / step_s)


def _seconds(step: Callable[[], object], device: torch.device) -> float:
    """Return the mean seconds of a step."""
    torch.cuda.synchronize(device)
    start = time.perf_counter()
    for _ in range(_STEPS):
        step()
        torch.cuda.synchronize(device)
    return (time.perf_counter() - start) / _STEPS


def kernel_spans_ns(
    step: Callable[[], object], count: int, device: torch.device
) -> list[tuple[int, int]]:
    """Return start and end of each kernel of so many steps, in nanoseconds."""
    # What a profile attaches stays attached, so that steps after it are all alike; torch does the
    # same for CUDA graphs of its own, with which detaching has crashed.
    os.environ.setdefault("TEARDOWN_CUPTI", "0")
    with profile(activities=[ProfilerActivity.CUDA]) as profiler:
        for _ in range(count):
            step()
        torch.cuda.synchronize(device)
    assert profiler.profiler is not None
    results = profiler.profiler.kineto_results
    assert results is not None
    return [
        (event.start_ns(), event.start_ns() + event.duration_ns())
        for event in results.events()
        if event.device_type() == torch.autograd.DeviceType.CUDA  # type: ignore[attr-defined]
    ]


def covered_ns(spans: list[tuple[int, int]]) -> int:
    """Return the nanoseconds that the spans (start, end) cover, those that overlap counted once."""
    covered = last_end = 0
    for start, end in sorted(spans):
        covered += max(0, end - max(start, last_end))
        last_end = max(last_end, end)
    return covered
