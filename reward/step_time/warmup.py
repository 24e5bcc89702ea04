"""Memory in which networks that are compared lie alike."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import torch

from nas.training.recipes import proxy
from nas.training.step import TrainingStep, to_channels_last, training_step
from reward.step_time.standalone import TimedNetwork
from search_space.network import Network
from search_space.spaces import small

_PIXELS = 32
_NETWORKS = 6
_MOST_S = 3.0


def fill_heap_holes(device: torch.device) -> TrainingStep:
    """The step of a small network that has been run once, to be kept while others are timed.

    The first network of a process gets the holes that imports left in its memory, and lies
    scattered among them, between what torch takes for good in a first step. On a CPU its steps
    then take up to 1 % more than an equal network's that is built later: the backbone against
    itself was 1.009 instead of 1 (``python -m benchmarks.step_time --itself``). This one takes the
    holes.
    """
    network = Network(small(_PIXELS).backbone, classes=2, dropout=0.0, survival=1.0)
    step = training_step(to_channels_last(network, device), proxy())
    images = torch.zeros(2, 3, _PIXELS, _PIXELS, device=device)
    step(images.contiguous(memory_format=torch.channels_last), torch.arange(2, device=device))
    return step


def warm_up_heap(
    reference: TimedNetwork, reference_step: Callable[[], object], classes: int
) -> None:
    """Steps of a few networks that are then gone, in turn with the reference's, on its batch.

    A process that has trained networks before is slower than a new one, since the memory of a step
    comes from among what the former ones left; by up to a fifth, small and quick networks more than
    others, so that S becomes up to 4 % smaller (benchmarks/README.md). Half of it comes with the
    first two networks, and with six it is about what it stays at. So the first candidate of a
    worker and the only one of a measurement find what all others do. On a GPU, which has a memory
    of its own, there is nothing to do. Takes a second or two, and where steps are slow begins no
    further network after three.

    Raises:
        MemoryError: not even two images at a time fit, of a network of ``small``.
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
        step = TimedNetwork(to_channels_last(network, images.device), images, labels).fitting_step(
            proxy()
        )
        step(images, labels)
        reference_step()
