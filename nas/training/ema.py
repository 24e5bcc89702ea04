"""Averages over training steps that warm up: EMA of the weights, and batch statistics."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn
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


class BatchStatistics:
    """The averages of a network's batch statistics, which warm up like the EMA's.

    In training a batch normalisation keeps the statistics of the newest batch only, and the
    averages are kept here. So all steps are the same, and a CUDA graph of one can be replayed: the
    numbers in it are fixed. The momentum that a layer was built with is that of a long training.
    """

    def __init__(self, network: nn.Module) -> None:
        self._norms: list[tuple[_BatchNorm, float]] = []
        self._averages: dict[str, Tensor] = {}
        self._groups: dict[float, tuple[list[Tensor], list[Tensor]]] = {}
        self._updates, self._parts, self._done = 0, 1, 0
        for name, norm in network.named_modules():
            if not isinstance(norm, _BatchNorm) or norm.momentum is None:
                continue
            if norm.running_mean is None or norm.running_var is None:
                continue
            self._norms.append((norm, norm.momentum))
            averages, newest = self._groups.setdefault(norm.momentum, ([], []))
            for key, buffer in (("mean", norm.running_mean), ("var", norm.running_var)):
                average = buffer.clone()
                self._averages[f"{name}.running_{key}".removeprefix(".")] = average
                averages.append(average)
                newest.append(buffer)

    @property
    def averages(self) -> Mapping[str, Tensor]:
        """The averages by the names that the network's state gives its buffers."""
        return self._averages

    def begin(self, updates: int, parts: int = 1) -> None:
        """Begin an epoch with the averages that the network has.

        They have had ``updates`` updates since they began to warm up. Where a batch is processed in
        ``parts``, there is an update after each, and all together have the weight of one.
        """
        self._updates, self._parts, self._done = updates, parts, 0
        for averages, newest in self._groups.values():
            torch._foreach_copy_(averages, newest)
        for norm, _ in self._norms:
            norm.momentum = 1.0

    def update(self) -> None:
        """Move the averages towards the statistics of the newest batch, or part of one."""
        updates = self._updates + self._done // self._parts
        self._done += 1
        for momentum, (averages, newest) in self._groups.items():
            weight = 1 - (1 - warm_momentum(momentum, updates)) ** (1 / self._parts)
            torch._foreach_lerp_(averages, newest, weight)

    def end(self) -> None:
        """End an epoch: give the network its averages, and its layers their momenta."""
        for averages, newest in self._groups.values():
            torch._foreach_copy_(newest, averages)
        for norm, momentum in self._norms:
            norm.momentum = momentum


class EMA:
    """An exponential moving average of a network's weights and buffers.

    ``network`` is a copy of the given network, in evaluation mode, that holds the averages.
    ``momentum`` is the weight of the newest step in a long training. ``sources`` are tensors to
    average instead of the network's own, by their names in its state.
    """

    def __init__(
        self,
        network: nn.Module,
        momentum: float = EMA_MOMENTUM,
        sources: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._momentum = momentum
        given = {**network.state_dict(), **(sources or {})}
        # Integer buffers, the step counts of batch normalisation, are not averaged: nothing reads
        # them.
        averages = self.network.state_dict().items()
        floats = [(value, given[name]) for name, value in averages if value.is_floating_point()]
        self._averages = [average for average, _ in floats]
        self._sources = [source for _, source in floats]

    def update(self, updates: int) -> None:
        """Move the averages towards the network's present weights and buffers.

        ``updates`` is the number of updates before this one, from which the average warms up.
        """
        weight = warm_momentum(self._momentum, updates)
        torch._foreach_lerp_(self._averages, self._sources, weight)
