"""``--pretrained``: initial weights from a file, except a classifier for other classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from nas.errors import UserError
from nas.weights import Model, has_torchvision_names, read_weights, with_our_names
from results.architecture_file import ArchitectureFile
from search_space.network import Network

_CLASSIFIER = ("classifier.weight", "classifier.bias")
_SHOWN = 3  # tensors that do not fit


@dataclass(frozen=True)
class Pretrained:
    """Initial weights by our names, as far as they fit.

    ``said`` is a line for people: what was loaded, and what was not.
    """

    weights: Mapping[str, Tensor]
    said: str


def read_pretrained(path: Path, file: ArchitectureFile) -> Pretrained:
    """Read the weights in ``path`` that fit the network of ``file``.

    ``path`` is a checkpoint, a training's directory, a .safetensors or .pth file of nas export, or
    a state dict by our names or torchvision's in any form of :mod:`nas.state_dicts`.

    Raises:
        UserError: the file is missing, or its weights are those of another network.
    """
    given, form = _read(path)
    weights = with_our_names(given, file, f"--pretrained: {path}")
    with torch.device("meta"):
        network = Network(file.architecture, file.task.classes, file.task.in_channels)
    expected = network.state_dict()
    # Batch normalisation's step counts may be missing: old files have none; nothing reads them.
    required = [key for key in expected if not key.endswith("num_batches_tracked")]
    fitting = {
        key: weights[key]
        for key in expected
        if key in weights and weights[key].shape == expected[key].shape
    }
    missing = [key for key in required if key not in fitting]
    loaded = f"{len(fitting)} of {len(expected)} tensors from {path} ({form})"
    if not missing:
        return Pretrained(fitting, loaded)
    if set(missing) == set(_CLASSIFIER) and set(_CLASSIFIER) <= weights.keys():
        classes = len(weights[_CLASSIFIER[1]])
        reason = f"it has {classes} classes, the data {file.task.classes}"
        return Pretrained(fitting, f"{loaded}, not the classifier: {reason}")
    raise UserError(
        f"--pretrained: got {path} ({form}), whose weights are not {file.name}'s: {len(missing)} "
        f"of {len(required)} tensors {_misfit(missing[0], weights, expected)}"
    )


def _read(path: Path) -> tuple[Mapping[str, Tensor], str]:
    """Return the weights in the file, and its form in words."""
    found = read_weights(path, "--pretrained")
    if isinstance(found, Model):
        is_exported = path.suffix == ".safetensors"
        return found.weights, "of nas export" if is_exported else "a checkpoint of nas train"
    names = ", torchvision's names" if has_torchvision_names(found.weights) else ""
    return found.weights, f"{found.form}{names}"


def _misfit(key: str, weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> str:
    wanted = _shape(expected[key])
    if key in weights:
        shapes = f"{_shape(weights[key])}, must be {wanted}"
        return f"are missing or of another shape, such as {key}, which is {shapes}"
    others = [
        f"{name} {_shape(weight)}" for name, weight in weights.items() if name not in expected
    ]
    instead = ", ".join(others[:_SHOWN]) or "no other tensors"
    return f"are missing or of another shape, such as {key} {wanted}; it has {instead}"


def _shape(tensor: Tensor) -> str:
    return str(tuple(tensor.shape))
