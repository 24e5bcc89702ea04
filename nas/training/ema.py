"""Averages over training steps that warm up: EMA of the weights, and batch statistics."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

EMA_MOMENTUM = 1e-4  # EfficientNetV2, section 5.1: decay rate 0.9999
NORM_MOMENTUM = 0.01  # ibid.: batch normalisation's momentum 0.99


def warm_momentum(momentum: float, updates: int) -> float:
    """Return the weight of the newest value in an average that has had ``updates`` updates.

    That is 1 - min(decay, (1 + n) / (10 + n)) for n updates, TensorFlow's form for
    ``ExponentialMovingAverage(num_updates=n)``: 0.9 at first, then about 9 / n, until the
    ``momentum`` of a long training is reached. The average forgets its initial value after a few
    steps, and covers about the last ninth of a training that is short.
    """
    return max(momentum, 9 / (10 + updates))


class EMA:
    """An exponential moving average of a network's weights and buffers.

    ``network`` is a copy of the given network, in evaluation mode, that holds the averages.
    ``momentum`` is the weight of the newest step in a long training.
    """

    def __init__(self, network: nn.Module, momentum: float = EMA_MOMENTUM) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._momentum = momentum
        pairs = zip(self.network.state_dict().values(), network.state_dict().values(), strict=True)
        # Integer buffers, the step counts of batch normalisation, are not averaged: nothing reads
        # them.
        floats = [pair for pair in pairs if pair[0].is_floating_point()]
        self._averages = [average for average, _ in floats]
        self._sources = [source for _, source in floats]

    def update(self, updates: int) -> None:
        """Move the averages towards the network's present weights and buffers.

        ``updates`` is the number of updates before this one, from which the average warms up.
        """
        weight = warm_momentum(self._momentum, updates)
        torch._foreach_lerp_(self._averages, self._sources, weight)


class BatchStatistics:
    """The momentum of a network's batch normalisations, which warms up like the EMA's.

    The momentum that each layer was built with is that of a long training.
    """

    def __init__(self, network: nn.Module) -> None:
        norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
        self._norms = [(norm, norm.momentum) for norm in norms if norm.momentum is not None]

    def warm_up(self, updates: int) -> None:
        """Set the momentum for the next step; ``updates`` is the number of steps before it."""
        for norm, momentum in self._norms:
            weight = warm_momentum(momentum, updates)
            if norm.momentum != weight:  # setting an attribute of a module is slow
                norm.momentum = weight
