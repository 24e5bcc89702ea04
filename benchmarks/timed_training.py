"""Train a network by the product's own loop, with a clock that stops while it is tested."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import nn

from nas.data.images import Images
from nas.training.loop import Training
from nas.training.recipes import Recipe
from nas.training.validation import accuracy
from reward.step_time.clocks import to_channels_last
from search_space.architecture import Architecture
from search_space.network import Network
from search_space.task import Task

Source = Architecture | Callable[[Task], nn.Module]
"""A network to build: its architecture, or a function of the task that returns it."""


@dataclass(frozen=True)
class Point:
    """The state after an epoch, from 1: seconds of training so far, accuracy in [0, 1], loss."""

    epoch: int
    time_s: float
    accuracy: float
    loss: float


def clock_s(device: torch.device) -> float:
    """Return a time in seconds: this process's on a CPU, wall time on a GPU that has finished.

    Time of other processes does not count, so on one thread a busy machine changes it little.
    """
    if device.type == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def built(source: Source, training: Images, recipe: Recipe, seed: int) -> nn.Module:
    """Build the network for these images on their device; the seed determines its weights."""
    torch.manual_seed(seed)
    network = network_of(source, Task(training.classes, training.pixels.shape[1]), recipe)
    return to_channels_last(network, training.device)


def network_of(source: Source, task: Task, recipe: Recipe) -> nn.Module:
    """Build the network for the task, with new weights and the recipe's dropout and survival."""
    if isinstance(source, Architecture):
        return Network(source, task.classes, task.in_channels, recipe.dropout, recipe.survival)
    return source(task)


def curve(
    source: Source,
    recipe: Recipe,
    training: Images,
    test: Images,
    seed: int,
    every: int = 1,
) -> Iterator[Point]:
    """Train the network, and yield a point after every so many epochs and after the last.

    Accuracy is that of the averaged weights. The time is that of training alone: nothing is
    validated within it but one image an epoch.
    """
    network = built(source, training, recipe, seed)
    one = replace(test, pixels=test.pixels[:1], labels=test.labels[:1])
    run = Training(network, training, one, recipe, seed)
    time_s, start = 0.0, clock_s(training.device)
    for epoch in run.epochs():
        time_s += clock_s(training.device) - start
        if epoch.number % every == 0 or epoch.number == recipe.epochs:
            yield Point(epoch.number, time_s, accuracy(run.ema, test), epoch.loss)
        start = clock_s(training.device)
