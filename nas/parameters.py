"""The number of a network's parameters, without the memory for them."""

from __future__ import annotations

import torch

from nas.errors import UserError
from search_space.architecture import Architecture
from search_space.network import Network
from search_space.task import Task


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
