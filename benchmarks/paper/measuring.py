"""Count and time networks for the rows that measure, ours and those of other libraries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

import torch

from benchmarks.timed_step import noise, time_in_turn
from nas.devices import training_device
from reward.complexity import complexity
from reward.step_time.clocks import device_name, to_channels_last
from reward.step_time.measurement import (
    StepTime,
    median_s,
    normalized,
    normalized_interval,
)
from reward.step_time.memory_and_latency import latencies_s
from reward.step_time.paired import Precision
from search_space.architecture import Architecture
from search_space.network import Network
from search_space.task import IMAGENET

LATENCY_RUNS, _WARMUP = 15, 3


@dataclass(frozen=True)
class Sized:
    """A network by its name, with how it is built and its image sizes in pixels."""

    name: str
    build: Callable[[], Network]
    train_size: int
    eval_size: int

    def at(self, share: float) -> Sized:
        """Return the network at a share of its image sizes, of 32 px or more."""
        sizes = self.train_size, self.eval_size
        train_size, eval_size = (max(32, round(size * share)) for size in sizes)
        return replace(self, train_size=train_size, eval_size=eval_size)


def plain(architecture: Architecture) -> Callable[[], Network]:
    """Return what builds an architecture for ImageNet, without dropout and stochastic depth."""
    return lambda: Network(architecture, IMAGENET.classes, IMAGENET.in_channels, 0.0, 1.0)


def machine(share: float) -> str:
    """Return a line on the device and on the sizes."""
    device = training_device()
    return f"{device_name(device)}, torch {torch.__version__}; {share:g} of the published sizes"


def steps(
    networks: Sequence[Sized], batch_size: int, cap_s: float
) -> Iterator[tuple[Sized, StepTime]]:
    """Yield the training step of each network, timed in turn with that of the first."""
    device = training_device()
    precision = Precision.default(device, cap_s)
    first = networks[0]
    for network in networks:
        yield (
            network,
            time_in_turn(
                network.build(),
                first.build(),
                (network.train_size, first.train_size),
                batch_size,
                device,
                precision,
            ),
        )


def step_words(step: StepTime) -> str:
    """Return the rate of a step, and the rate relative to the reference's with its interval."""
    rate = step.batch_size / median_s(step)
    interval = normalized_interval(step)
    spread = f" ({1 / interval[1]:.2f} to {1 / interval[0]:.2f})" if interval else ""
    unsteady = f", unsteady: {step.unsteady}" if step.unsteady else ""
    return (
        f"{rate:.4g} images/s in training, x {1 / normalized(step):.2f}{spread}, "
        f"n = {len(step.samples_s)} steps{unsteady}"
    )


def count_words(network: Sized) -> str:
    """Return parameters and multiply-adds, such as ``43.0 M, 19.1 G``."""
    with torch.device("meta"):
        built = network.build()
    count = complexity(built, IMAGENET.in_channels, network.eval_size)
    return f"{count.parameters / 1e6:.1f} M, {count.multiply_adds / 1e9:.3g} G"


def latency_s(network: Sized, images: int) -> float:
    """Return the median seconds of a forward pass of so many images of the evaluation size."""
    device = training_device()
    batch = noise(images, network.eval_size, device)
    built = to_channels_last(network.build(), device)
    return median(latencies_s(built, batch, device, LATENCY_RUNS, _WARMUP))
