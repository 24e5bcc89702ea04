"""Weights to export: random ones for an architecture, and the files that weights are written to."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from nas.architectures import build_network
from nas.preprocessing import Preprocessing
from nas.weights import Model, Weights
from results.architecture_file import ArchitectureFile
from search_space.network import Network, StochasticDepth


def write_safetensors(path: Path, model: Model, weights: Weights) -> None:
    """Write ``weights``, with the model's architecture and training as metadata.

    ``weights`` are the model's, by our names or by torchvision's.
    """
    from safetensors.torch import save

    about = {"format": "pt", **metadata(model, model.preprocessing)}
    tensors = {key: value.contiguous() for key, value in weights.items()}
    path.write_bytes(save(tensors, about))  # save_file would make it unreadable for other users


def metadata(model: Model, preprocessing: Preprocessing | None) -> dict[str, str]:
    """Return what a file of the model says of it, by key: texts, most of them JSON.

    ``preprocessing`` is how an image becomes the network's input, null if that is unknown.
    """
    return {
        "architecture": json.dumps(model.file.to_json()),
        "origin": model.origin,
        "training": json.dumps(asdict(model.training) if model.training else None),
        "preprocessing": json.dumps(preprocessing and preprocessing.to_json()),
        "class_names": json.dumps(model.class_names),
    }


def write_pth(path: Path, weights: Weights) -> None:
    """Write the weights alone, for ``torch.load(path, weights_only=True)``."""
    torch.save(dict(weights), path)


def with_random_weights(file: ArchitectureFile, seed: int) -> Model:
    """Return the architecture with the initial weights of a training, drawn from a seed.

    The statistics of batch normalisation are those of noise at the evaluation size. With the
    initial statistics, 0 and 1, the logits of a deep network would be decided by rounding.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_network(file, "SOURCE")
        _estimate_norm_statistics(network, file)
    origin = f"untrained, drawn from seed {seed}: {file.name} is an architecture, no checkpoint"
    return Model(file, network.state_dict(), origin)


def _estimate_norm_statistics(network: Network, file: ArchitectureFile) -> None:
    """Set the statistics of batch normalisation to those of one batch of noise."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
        elif isinstance(module, StochasticDepth):
            module.survival = 1.0
    pixels = math.ceil(file.eval_size / file.architecture.stride) ** 2  # of the last feature map
    images = max(2, math.ceil(256 / pixels))
    with torch.no_grad():
        network.train()(torch.randn(images, file.task.in_channels, file.eval_size, file.eval_size))
