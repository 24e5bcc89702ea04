"""The measured time of a training step, in turn with a reference network's."""

from __future__ import annotations

import gc
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

Step = Callable[[], object]

ALLOCATOR_SETTINGS = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "17179869184"}
"""Environment variables to set before a process that times on a CPU starts.

Without them glibc hands big buffers back to the kernel at every step, and the page faults of
getting them again bias the ratio of two networks, not only its noise.
"""

WARMUP_STEPS = 10
PAIRS = 15


def paired_step_times(
    step: Step,
    reference: Step,
    device: torch.device,
    warmup: int = WARMUP_STEPS,
    pairs: int = PAIRS,
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Seconds of each step and of each reference step, taken in turn.

    Taking turns cancels the machine's drift in the ratio of the two medians. On a CPU the clock is
    the process's own time, which a neighbour on another core does not stop; the process must
    run one thread (``torch.set_num_threads(1)``) and have started under
    :data:`ALLOCATOR_SETTINGS`. On a GPU it is the device's, by events.
    """
    clock = _event_clock if device.type == "cuda" else _process_clock
    for _ in range(warmup):
        step()
        reference()
    with _no_garbage_collection():
        taken = [(clock(step), clock(reference)) for _ in range(pairs)]
    own, others = zip(*taken, strict=True)
    return own, others


def device_name(device: torch.device) -> str:
    """What the step ran on, such as ``NVIDIA H200`` or ``Intel(R) Xeon(R), 1 thread``."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{processor_name()}, {threads} thread{'s' if threads > 1 else ''}"


def _process_clock(step: Step) -> float:
    start = time.process_time()
    step()
    return time.process_time() - start


def _event_clock(step: Step) -> float:
    start = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    end = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    torch.cuda.synchronize()
    start.record()
    step()
    end.record()
    torch.cuda.synchronize()
    return float(start.elapsed_time(end)) / 1000


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def processor_name() -> str:
    """As Linux tells it, and else as Python does."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
