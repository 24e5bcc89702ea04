"""What a network is counted for: the number of classes and of image channels."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from nas.errors import UserError
from results.architecture_file import ArchitectureFile
from search_space.architecture import Architecture
from search_space.network import Network


@dataclass(frozen=True)
class Task:
    """ImageNet's, unless said otherwise."""

    classes: int = 1000
    in_channels: int = 3


def task_of(file: ArchitectureFile) -> Task:
    """The task that the file's own count of parameters tells, else ImageNet's.

    A network's parameters are those of its body, 9 a stem channel for each image channel, and one
    more than the head's channels for each class. So the count says for how many it was taken.
    """
    if file.parameters is None:
        return Task()
    stem, head = file.architecture.stem_channels, file.architecture.head_channels
    assumed = Task()
    body = parameters(file.architecture, assumed)
    body -= 9 * stem * assumed.in_channels + (head + 1) * assumed.classes
    for in_channels in (3, 1):
        rest = file.parameters - body - 9 * stem * in_channels
        classes, remainder = divmod(rest, head + 1)
        if remainder == 0 and classes > 1:
            return Task(classes, in_channels)
    return assumed


def parameters(architecture: Architecture, task: Task) -> int:
    """Trainable parameters of the built network, which takes no memory here.

    Raises:
        UserError: an operator that is not known.
    """
    try:
        with torch.device("meta"):
            network = Network(architecture, task.classes, task.in_channels)
    except ValueError as error:
        raise UserError(f"--from: {error}") from error
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
