"""``--pretrained``: weights to begin with, all but a classifier of another number of classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from nas.errors import UserError
from nas.weights import Model, NotInTorchvision, from_torchvision, read_weights
from results.architecture_file import ArchitectureFile
from search_space.network import Network

_CLASSIFIER = ("classifier.weight", "classifier.bias")


@dataclass(frozen=True)
class Pretrained:
    """``weights`` by our names, those that fit; ``said`` tells what was loaded and what not."""

    weights: Mapping[str, Tensor]
    said: str


def read_pretrained(path: Path, file: ArchitectureFile) -> Pretrained:
    """The weights of ``path`` for the network of ``file``.

    ``path`` is a checkpoint or a training's directory, a .safetensors or .pth of nas export, or
    torchvision's state dict.

    Raises:
        UserError: no such file, or weights of another network.
    """
    weights = _read(path, file)
    with torch.device("meta"):
        network = Network(file.architecture, file.task.classes, file.task.in_channels)
    expected = network.state_dict()
    # Counts of batches may be missing: old files have none, and nothing reads them.
    needed = [key for key in expected if not key.endswith("num_batches_tracked")]
    fitting = {
        key: weights[key]
        for key in expected
        if key in weights and weights[key].shape == expected[key].shape
    }
    left = [key for key in needed if key not in fitting]
    loaded = f"{len(fitting)} of {len(expected)} tensors from {path}"
    if not left:
        return Pretrained(fitting, loaded)
    if set(left) == set(_CLASSIFIER) and set(_CLASSIFIER) <= weights.keys():
        classes = len(weights[_CLASSIFIER[1]])
        of = f"it has {classes} classes, the data {file.task.classes}"
        return Pretrained(fitting, f"{loaded}, not the classifier: {of}")
    raise UserError(
        f"--pretrained: got {path}, whose weights are not {file.name}'s: {len(left)} of "
        f"{len(needed)} tensors {_misfit(left[0], weights, expected)}"
    )


def _misfit(key: str, weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> str:
    if key not in weights:
        return f"are missing or of another shape, such as {key}"
    shapes = f"{tuple(weights[key].shape)}, must be {tuple(expected[key].shape)}"
    return f"are missing or of another shape, such as {key}, which is {shapes}"


def _read(path: Path, file: ArchitectureFile) -> Mapping[str, Tensor]:
    try:
        found = read_weights(path)
    except UserError as error:
        raise UserError(f"--pretrained: {str(error).removeprefix('SOURCE: ')}") from error
    weights = found.weights if isinstance(found, Model) else found
    if not any(key.startswith("features.") for key in weights):
        return weights
    try:
        return from_torchvision(file.architecture, weights)
    except NotInTorchvision as error:
        raise UserError(
            f"--pretrained: {path} has torchvision's names, but {file.name} is not {error}"
        ) from error
