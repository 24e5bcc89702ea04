"""SOURCE of an export: a model or an architecture, by what was named on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from nas.architectures import build_network, find_architecture
from nas.errors import UserError
from nas.weights import SUFFIXES, Model, read_weights, with_our_names
from results.architecture_file import ArchitectureFile
from search_space.task import Task


def find_source(source: str, arch: str | None) -> Model | ArchitectureFile:
    """Find the model or architecture that ``source`` names.

    ``arch`` is the architecture of a file that holds weights alone, by our names or by
    torchvision's.

    Raises:
        UserError: ``source`` is neither a readable file nor a published name, the weights do not
            fit the architecture, or ``arch`` is missing or given without need.
    """
    path = Path(source)
    is_run = path.is_dir() and (path / "best.json").is_file()
    if (path.suffix not in SUFFIXES and not path.is_dir()) or is_run:
        _check_no_architecture(arch, source)
        return find_architecture(source, "SOURCE")
    found = read_weights(path, "SOURCE")
    if isinstance(found, Model):
        _check_no_architecture(arch, source)
        return replace(found, weights=_checked(source, found.file, found.weights))
    if arch is None:
        raise UserError(
            f"--arch: must be given, since {source} has weights alone: a file such as best.json "
            "or a published name"
        )
    return _with_architecture(source, found.weights, find_architecture(arch, "--arch"))


def check_exportable(file: ArchitectureFile) -> None:
    """Refuse a network of the user's own, which only its own library can write.

    Raises:
        UserError: it is one.
    """
    if (network := file.architecture.network) is not None:
        raise UserError(
            f"SOURCE: got {file.name}, a network of {network}, must be one of stages; "
            "nas.load(...).network.whole is its torch.nn.Module, for torch.onnx.export"
        )


def _check_no_architecture(arch: str | None, source: str) -> None:
    if arch is not None:
        raise UserError(
            f"--arch: got {arch}, must go with weights alone; {source} holds an architecture"
        )


def _with_architecture(source: str, weights: Mapping[str, Tensor], file: ArchitectureFile) -> Model:
    """Return the model of weights alone, with the classes and channels that the weights have.

    Counts in ``file`` are removed if they hold for other classes or channels.
    """
    renamed = with_our_names(weights, file, f"SOURCE: {source}")
    task = Task(
        classes=_dimension(renamed, "classifier.weight", 0, file.task.classes),
        in_channels=_dimension(renamed, "stem.0.weight", 1, file.task.in_channels),
    )
    if task != file.task:
        file = replace(file, task=task, parameters=None, multiply_adds=None)
    return Model(file, _checked(source, file, renamed), f"read from {source}")


def _dimension(weights: Mapping[str, Tensor], key: str, axis: int, default: int) -> int:
    tensor = weights.get(key)
    return default if tensor is None or tensor.dim() <= axis else tensor.shape[axis]


def _checked(
    source: str, file: ArchitectureFile, weights: Mapping[str, Tensor]
) -> Mapping[str, Tensor]:
    """Return the weights by our names, in our order, with the network's shapes and types.

    Batch normalisation's step counts may be missing: old files have none, and inference does not
    read them.

    Raises:
        UserError: a weight is missing, unknown or has another shape.
    """
    weights = with_our_names(weights, file, f"SOURCE: {source}")
    with torch.device("meta"):
        expected = build_network(file, "SOURCE").state_dict()
    tensors = {
        key: weights.get(key, torch.tensor(0) if key.endswith("num_batches_tracked") else None)
        for key in expected
    }
    missing = [key for key, tensor in tensors.items() if tensor is None]
    unknown = [key for key in weights if key not in expected]
    wrong = [
        f"{key} {tuple(tensor.shape)} for {tuple(expected[key].shape)}"
        for key, tensor in tensors.items()
        if tensor is not None and tensor.shape != expected[key].shape
    ]
    for problem, keys in (("missing", missing), ("unknown", unknown), ("of another shape", wrong)):
        if keys:
            raise UserError(
                f"SOURCE: {source}: its weights are not {file.name}'s: {len(keys)} of "
                f"{len(expected)} {problem}, such as {keys[0]}"
            )
    return {
        key: tensor.to(expected[key].dtype) for key, tensor in tensors.items() if tensor is not None
    }
