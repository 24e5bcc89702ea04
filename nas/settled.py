"""Memory in which networks that are compared lie alike."""

from __future__ import annotations

import torch

from nas.training.placed import placed
from nas.training.recipe import proxy
from nas.training.step import TrainingStep, training_step
from search_space.network import Network
from search_space.spaces import small

_PIXELS = 32


def settled(device: torch.device) -> TrainingStep:
    """The step of a small network that has been run once, to be kept while others are timed.

    The first network of a process gets the holes that imports left in its memory, and lies
    scattered among them, between what torch takes for good in a first step. On a CPU its steps
    then take up to 1 % more than an equal network's that is built later: the backbone against
    itself was 1.009 instead of 1 (``python -m benchmarks.step_time --itself``). This one takes the
    holes.
    """
    network = Network(small(_PIXELS).backbone, classes=2, dropout=0.0, survival=1.0)
    step = training_step(placed(network, device), proxy())
    images = torch.zeros(2, 3, _PIXELS, _PIXELS, device=device)
    step(images.contiguous(memory_format=torch.channels_last), torch.arange(2, device=device))
    return step
