"""What is averaged over steps follows the number of steps."""

from __future__ import annotations

import copy

import torch
from torch import nn

NORM_MOMENTUM = 0.01  # EfficientNetV2, section 4.1: decay 0.99
EMA_MOMENTUM = 1e-4  # ibid.: decay 0.9999


def averaging_momentum(published: float, steps: int) -> float:
    """The newest step's weight in a running average, in (0, 0.1].

    The published value where training is long enough for it, and otherwise 10 / steps, so that
    what the average started from has faded to e^-10 at the end. With the published values ten
    epochs of small data, some 200 steps, stay at chance: their averages still hold the start.
    """
    return min(0.1, max(published, 10 / steps))


class EMA:
    """An exponential moving average of a network's weights and buffers, as a network."""

    def __init__(self, network: nn.Module, momentum: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._momentum = momentum
        pairs = zip(self.network.state_dict().values(), network.state_dict().values(), strict=True)
        # Integer buffers, batch normalisation's step counts, have no mean; nothing reads them.
        floats = [pair for pair in pairs if pair[0].is_floating_point()]
        self._averages = [average for average, _ in floats]
        self._sources = [source for _, source in floats]

    def update(self) -> None:
        """Moves the average towards the network's present state."""
        torch._foreach_lerp_(self._averages, self._sources, self._momentum)
