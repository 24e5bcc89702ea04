"""Time the training steps of two networks in turn, in this process: ours or any other library's."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from nas.training.recipes import proxy
from nas.training.step import step_without_learning
from reward.step_time.clocks import to_channels_last
from reward.step_time.measurement import StepTime
from reward.step_time.paired import Precision
from reward.step_time.standalone import TimedNetwork, measure_step_time
from search_space.task import IMAGENET, Task


def time_in_turn(
    network: nn.Module,
    reference: nn.Module,
    sizes: tuple[int, int],
    batch_size: int,
    device: torch.device,
    precision: Precision,
    task: Task = IMAGENET,
) -> StepTime:
    """Time the network's step of a search with the other network's as the reference.

    ``sizes`` are the sides of the two networks' images in pixels. Both train on noise, by AdamW,
    channels last, and on a GPU as CUDA graphs, in mixed precision where it has bfloat16.
    """
    ours, theirs = (
        _timed(one, size, batch_size, device, task)
        for one, size in zip((network, reference), sizes, strict=True)
    )
    their_step = theirs.step()

    def reference_step(mode: str) -> object:
        return their_step(theirs.images, theirs.labels)

    return measure_step_time(ours, ours.step(), reference_step, device, precision)


def _timed(
    network: nn.Module, size: int, batch_size: int, device: torch.device, task: Task
) -> TimedNetwork:
    images = noise(batch_size, size, device, task)
    labels = torch.arange(batch_size, device=device) % task.classes
    make_step = partial(step_without_learning, proxy())
    return TimedNetwork(to_channels_last(network, device), images, labels, make_step)


def noise(count: int, size: int, device: torch.device, task: Task = IMAGENET) -> torch.Tensor:
    """Return images of noise (count, C, size, size), channels last."""
    images = torch.randn(count, task.in_channels, size, size, device=device)
    return images.contiguous(memory_format=torch.channels_last)
