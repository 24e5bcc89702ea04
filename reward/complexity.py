"""Parameters and multiply-adds, counted on the network that was built."""

from __future__ import annotations

import copy
import logging

import torch
from fvcore.nn import FlopCountAnalysis
from torch import nn

from reward.step_time.measurement import Complexity


def complexity(network: nn.Module, channels: int, image_size: int) -> Complexity:
    """Trainable parameters, and multiply-adds of one image (channels, image_size, image_size).

    Multiply-adds are those of convolutions, matrix products and batch normalisation (fvcore's
    "flops"). Activations, additions, products and means are left out on purpose, as in the papers.
    The network is left as it was: counting runs a copy, in eval mode and on the CPU.
    """
    parameters = sum(p.numel() for p in network.parameters() if p.requires_grad)
    clone = copy.deepcopy(network).cpu().eval()
    logging.getLogger("fvcore.nn.jit_analysis").setLevel(logging.ERROR)
    counter = FlopCountAnalysis(clone, torch.zeros(1, channels, image_size, image_size))
    counter.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    counter.tracer_warnings("none")
    return Complexity(parameters, int(counter.total()))
