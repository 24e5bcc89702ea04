"""How much of a training step a GPU computes: eager, and as one CUDA graph.

``python -m benchmarks.gpu_step`` times the step of ``small``'s backbone at 32 and 64 px and of
EfficientNetV2-S at 224 px, with random images. An eager step starts on an empty queue, as step time
is measured (reward/step_time), so a small network's step is mostly the launching of its kernels. A
CUDA graph launches them all at once. Without a GPU only the eager steps are timed.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from benchmarks.cpu_protocol import follow
from nas.devices import training_device
from nas.training.recipes import proxy
from nas.training.step import TrainingStep, step_without_learning
from reward.step_time.clocks import device_name, stopwatch, to_channels_last
from search_space.architecture import Architecture
from search_space.network import Network
from search_space.published import published
from search_space.spaces import small

CLASSES = 1000
_WARMUP = 8
_PROFILED_STEPS = 5


@dataclass(frozen=True)
class Case:
    """A network with the side of its images in pixels."""

    name: str
    architecture: Architecture
    pixels: int


def main() -> None:
    """Print a line for each network and batch: step time, kernels, and the GPU's busy share."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batch-size", type=int, nargs="+", default=[128, 32], metavar="N")
    parser.add_argument("--steps", type=int, default=20, metavar="N", help="steps timed of each")
    parser.add_argument("--small-only", action="store_true", help="leave EfficientNetV2-S out")
    options = parser.parse_args()
    device = training_device()
    if device.type == "cpu":
        follow("benchmarks.gpu_step")
    print(f"{device_name(device)}, {os.cpu_count()} cores, torch {torch.__version__}")
    cases = [Case("small", small(pixels).backbone, pixels) for pixels in (32, 64)]
    if not options.small_only:
        cases.append(Case("efficientnetv2-s", published("efficientnetv2-s").architecture, 224))
    for case in cases:
        for batch_size in options.batch_size:
            _print_case(case, batch_size, options.steps, device)


def _print_case(case: Case, batch_size: int, steps: int, device: torch.device) -> None:
    torch.manual_seed(0)
    images = torch.randn(batch_size, 3, case.pixels, case.pixels)
    images = images.to(device, memory_format=torch.channels_last)
    labels = torch.arange(batch_size, device=device) % CLASSES
    network = to_channels_last(Network(case.architecture, CLASSES, 3, 0.0, 1.0), device)
    run = partial(_step(network), images, labels)
    eager_s = _times(run, steps, device)
    line = f"{case.name} {case.pixels} px, batch {batch_size}: eager {_shown(eager_s)}"
    if device.type == "cuda":
        kernels, kernel_s = _kernels(run)
        step = _step(network)
        graph = _captured(step, images, labels)  # which needs step, images, and labels kept
        graph_s = _times(graph.replay, steps, device)
        line += (
            f", {kernels:.0f} kernels in {1e3 * kernel_s:.2f} ms: busy "
            f"{100 * kernel_s / median(eager_s):.0f} %; graph {_shown(graph_s)}"
        )
    print(line, flush=True)


def _step(network: nn.Module) -> TrainingStep:
    """Make the search's own step at learning rate 0, eager, such that a graph can capture it."""
    step = step_without_learning(proxy(), network, None)
    return step if isinstance(step, TrainingStep) else step.eager


def _times(run: Callable[[], object], steps: int, device: torch.device) -> tuple[float, ...]:
    for _ in range(_WARMUP):
        run()
    watch = stopwatch(device)
    for _ in range(steps):
        watch.time(run)
    return watch.seconds()


def _kernels(run: Callable[[], object]) -> tuple[float, float]:
    """Return the number of kernels of a step, and the seconds in which at least one runs."""
    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CUDA]) as profiler:
        for _ in range(_PROFILED_STEPS):
            run()
        torch.cuda.synchronize()
    assert profiler.profiler is not None
    assert profiler.profiler.kineto_results is not None
    spans = sorted(
        (event.start_ns(), event.start_ns() + event.duration_ns())
        for event in profiler.profiler.kineto_results.events()
        if event.device_type() == torch.autograd.DeviceType.CUDA  # type: ignore[attr-defined]
    )
    busy_ns = last_end = 0
    for start, end in spans:
        busy_ns += max(0, end - max(start, last_end))
        last_end = max(last_end, end)
    return len(spans) / _PROFILED_STEPS, busy_ns / 1e9 / _PROFILED_STEPS


def _captured(step: TrainingStep, images: Tensor, labels: Tensor) -> torch.cuda.CUDAGraph:
    """Capture a whole step, after a warm-up on a stream of its own as torch asks for."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step(images, labels)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step(images, labels)
    return graph


def _shown(seconds: Sequence[float]) -> str:
    low, high = 1e3 * min(seconds), 1e3 * max(seconds)
    return f"{1e3 * median(seconds):.2f} ms ({low:.2f} to {high:.2f}, n = {len(seconds)})"


if __name__ == "__main__":
    main()
