"""Warm-up of a process that measures, so that its first candidate is timed like all later ones.

On a CPU the memory in which a network lies changes its step time by some per cent. What was
measured about it is in ``docs/step-time.md``.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import torch

from reward.step_time.clocks import to_channels_last
from reward.step_time.paired import ReferenceStep, TimedStep
from reward.step_time.standalone import MakeStep, TimedNetwork
from search_space.network import Network
from search_space.spaces import small

_PIXELS = 32
_NETWORKS = 6
_MOST_S = 3.0


class Reference:
    """The reference network's step in a process that is warmed up; a call runs one step in a mode.

    ``timed`` is the network with its batch.
    """

    def __init__(
        self,
        build: Callable[[], TimedNetwork],
        make_step: MakeStep,
        device: torch.device,
        classes: int,
        warmup: int,
    ) -> None:
        """Fill the heap's holes, build the reference, run ``warmup`` steps, warm up the heap.

        Raises:
            MemoryError: the reference does not fit into memory even two images at once.
        """
        self._heap_filler = fill_heap_holes(device, make_step)
        self.timed = build()
        self.step = self.timed.fitting_step()
        for _ in range(warmup):
            self(self.step.mode)
        warm_up_heap(self.timed, self, classes)

    def __call__(self, mode: str) -> object:
        """Run one step on the reference's batch, as a network's step runs that is in this mode."""
        step = self.step
        if mode != step.mode:  # that of a network whose step cannot be captured
            step = step.eager
        return step(self.timed.images, self.timed.labels)


def fill_heap_holes(device: torch.device, make_step: MakeStep) -> TimedStep:
    """Run one step of a small network and return it; keep it while other networks are timed.

    The first network of a process lies scattered in the holes that imports left in the heap. On a
    CPU its steps then take up to 1 % more than those of an equal network that is built later. This
    network takes the holes instead.
    """
    network = Network(small(_PIXELS).backbone, classes=2, dropout=0.0, survival=1.0)
    step = make_step(to_channels_last(network, device), None)
    images = torch.zeros(2, 3, _PIXELS, _PIXELS, device=device)
    step(images.contiguous(memory_format=torch.channels_last), torch.arange(2, device=device))
    return step


def warm_up_heap(reference: TimedNetwork, reference_step: ReferenceStep, classes: int) -> None:
    """Train six small networks for a moment, in turn with the reference, and drop them.

    In a process that has trained networks before, steps are slower than in a new one, and small
    networks more so than large ones, which makes S up to 4 % smaller. After six networks it stays
    about as it is. So the first candidate of a worker, or the only one of a measurement, finds what
    all others find. On a GPU, which has memory of its own, this does nothing. It takes a second or
    two, and begins no further network after three seconds.

    Raises:
        MemoryError: a network of ``small`` does not fit into memory even two images at once.
    """
    images, labels = reference.images, reference.labels
    if images.device.type != "cpu":
        return
    space, generator = small(images.shape[-1]), random.Random(0)
    start = time.monotonic()
    for _ in range(_NETWORKS):
        if time.monotonic() - start > _MOST_S:
            return
        architecture = space.sample(generator)
        network = Network(architecture, classes, images.shape[1], dropout=0.0, survival=1.0)
        network = to_channels_last(network, images.device)
        step = TimedNetwork(network, images, labels, reference.make_step).fitting_step()
        step(images, labels)
        reference_step(step.mode)
