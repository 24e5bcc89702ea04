"""Weights to write: random ones for an architecture, and the files they go to."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from nas.architectures import build_network
from nas.weights import Model, Weights
from results.architecture_file import ArchitectureFile
from search_space.network import Network, StochasticDepth


def write_safetensors(path: Path, model: Model, weights: Weights) -> None:
    """``weights``, which are the model's by whichever names, with what is known of the model."""
    from safetensors.torch import save

    metadata = {
        "format": "pt",
        "architecture": json.dumps(model.file.to_json()),
        "origin": model.origin,
        "training": json.dumps(asdict(model.training) if model.training else None),
    }
    tensors = {key: value.contiguous() for key, value in weights.items()}
    path.write_bytes(save(tensors, metadata))  # save_file hides the file from other users


def write_pth(path: Path, weights: Weights) -> None:
    """``weights`` alone, for ``torch.load(path, weights_only=True)``."""
    torch.save(dict(weights), path)


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
