"""Parameters and multiply-adds, counted on the network that was built."""

from __future__ import annotations

import copy
import logging

import torch
from fvcore.nn import FlopCountAnalysis
from torch import nn

from nas.errors import UserError
from reward.step_time.measurement import Complexity
from search_space.architecture import Architecture
from search_space.network import Network
from search_space.task import Task


def complexity(network: nn.Module, channels: int, image_size: int) -> Complexity:
    """Trainable parameters, and multiply-adds of one image (channels, image_size, image_size).

    Multiply-adds are those of convolutions, matrix products and batch normalisation (fvcore's
    "flops"). Activations, additions, products and means are left out on purpose, as in the papers.
    The network is left as it was: counting runs a copy, in eval mode and on the CPU.
    """
    count_parameters = sum(p.numel() for p in network.parameters() if p.requires_grad)
    clone = copy.deepcopy(network).cpu().eval()
    logging.getLogger("fvcore.nn.jit_analysis").setLevel(logging.ERROR)
    counter = FlopCountAnalysis(clone, torch.zeros(1, channels, image_size, image_size))
    counter.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    counter.tracer_warnings("none")
    return Complexity(count_parameters, int(counter.total()))


def count_parameters(architecture: Architecture, task: Task) -> int:
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
