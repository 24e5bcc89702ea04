"""Exponential moving averages (EMA), with a momentum that suits the length of training."""

from __future__ import annotations

import copy

import torch
from torch import nn

NORM_MOMENTUM = 0.01  # batch normalisation's; EfficientNetV2, section 5.1: momentum 0.99
EMA_MOMENTUM = 1e-4  # ibid.: decay rate 0.9999


class EMA:
    """An exponential moving average of a network's weights and buffers.

    ``network`` is a copy of the given network, in evaluation mode, that holds the averages.
    ``momentum`` is the weight of the newest step.
    """

    def __init__(self, network: nn.Module, momentum: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._momentum = momentum
        pairs = zip(self.network.state_dict().values(), network.state_dict().values(), strict=True)
        # Integer buffers, the step counts of batch normalisation, are not averaged: nothing reads
        # them.
        floats = [pair for pair in pairs if pair[0].is_floating_point()]
        self._averages = [average for average, _ in floats]
        self._sources = [source for _, source in floats]

    def update(self) -> None:
        """Move the averages towards the network's present weights and buffers."""
        torch._foreach_lerp_(self._averages, self._sources, self._momentum)


def averaging_momentum(published: float, steps: int) -> float:
    """Return the weight of the newest step in an average over ``steps`` steps, in (0, 0.1].

    This is the ``published`` value if training is long enough for it, and otherwise 10 / steps, so
    that the average's initial value has faded to e^-10 at the end. In a short training of some 200
    steps, the published values would leave the averages near the initial weights, at chance.
    """
    return min(0.1, max(published, 10 / steps))
