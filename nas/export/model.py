"""What is exported: an architecture, its weights, and what is known of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nas.architectures import build_network
from nas.full_training.checkpoint import Normalization
from results.architecture_file import ArchitectureFile
from search_space.network import Network, StochasticDepth

Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class Training:
    """How weights were trained; ``accuracy`` is the minival's after ``epoch`` epochs.

    ``class_names`` are in the order of the logits, empty where they are not known.
    """

    data: str
    epoch: int
    accuracy: float
    normalization: Normalization
    class_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Model:
    """``weights`` by the names of ``Network.state_dict``, on the CPU.

    ``origin`` says in words where they come from. ``training`` is None where that is not known,
    and of weights that were never trained.
    """

    file: ArchitectureFile
    weights: Weights
    origin: str
    training: Training | None = None

    def build(self) -> Network:
        """The network with these weights, ready to infer."""
        network = build_network(self.file, "SOURCE")
        network.load_state_dict(dict(self.weights))
        return network.eval()


def untrained(file: ArchitectureFile, seed: int) -> Model:
    """With weights as training starts from, drawn from a seed.

    Batch normalisation has the statistics of noise at the size to evaluate at. With those that
    training starts from, 0 and 1, a deep network's logits are beyond what rounding leaves of them.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_network(file, "SOURCE")
        _settle(network, file)
    origin = f"untrained, drawn from seed {seed}: {file.name} is an architecture, no checkpoint"
    return Model(file, network.state_dict(), origin)


def _settle(network: Network, file: ArchitectureFile) -> None:
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
        elif isinstance(module, StochasticDepth):
            module.survival = 1.0
    pixels = math.ceil(file.eval_size / file.architecture.stride) ** 2  # of the last feature map
    images = max(2, math.ceil(256 / pixels))
    with torch.no_grad():
        network.train()(torch.randn(images, file.task.in_channels, file.eval_size, file.eval_size))
