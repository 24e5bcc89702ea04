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

from benchmarks.cpu_protocol import follow
from nas.devices import training_device
from nas.training.recipes import proxy
from nas.training.step import step_without_learning
from reward.step_time.busy import covered_ns, kernel_spans_ns
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
    step = step_without_learning(proxy(), network, None)
    run = partial(step.eager, images, labels)
    eager_s = _times(run, steps, device)
    line = f"{case.name} {case.pixels} px, batch {batch_size}: eager {_shown(eager_s)}"
    if device.type == "cuda":
        spans = kernel_spans_ns(run, _PROFILED_STEPS, device)
        kernels, kernel_s = len(spans) / _PROFILED_STEPS, covered_ns(spans) / 1e9 / _PROFILED_STEPS
        graph_s = _times(partial(step, images, labels), steps, device)
        assert step.failure is None, step.failure
        line += (
            f", {kernels:.0f} kernels in {1e3 * kernel_s:.2f} ms: busy "
            f"{100 * kernel_s / median(eager_s):.0f} %; graph {_shown(graph_s)}"
        )
    print(line, flush=True)


def _times(run: Callable[[], object], steps: int, device: torch.device) -> tuple[float, ...]:
    for _ in range(_WARMUP):
        run()
    watch = stopwatch(device)
    for _ in range(steps):
        watch.time(run)
    return watch.seconds()


def _shown(seconds: Sequence[float]) -> str:
    low, high = 1e3 * min(seconds), 1e3 * max(seconds)
    return f"{1e3 * median(seconds):.2f} ms ({low:.2f} to {high:.2f}, n = {len(seconds)})"


if __name__ == "__main__":
    main()
