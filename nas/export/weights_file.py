"""Weights in files: .safetensors, which say their architecture, .pth, and checkpoints."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nas.errors import UserError
from nas.export.model import Model, Training, Weights
from nas.full_training.checkpoint import CheckpointError, Normalization, read_network
from results.architecture_file import from_json

SUFFIXES = (".safetensors", ".pth", ".pt")


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


def read_weights(path: Path) -> Model | dict[str, Tensor]:
    """A model where the file says which architecture its weights are for; else the weights alone.

    Raises:
        UserError: not there, torn, or something else.
    """
    try:
        if path.suffix == ".safetensors":
            return _read_safetensors(path)
        return _read_torch(path)
    except OSError as error:
        reason = error.strerror or "not there, or no right to read it"
        raise UserError(f"SOURCE: {path}: cannot be read ({reason})") from error
    except CheckpointError as error:
        raise UserError(f"SOURCE: {error}") from error


def _read_safetensors(path: Path) -> Model | dict[str, Tensor]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise UserError(f"SOURCE: {path}: torn, or no .safetensors file ({error})") from error
    if "architecture" not in metadata:
        return weights
    try:
        return Model(
            file=from_json(json.loads(metadata["architecture"])),
            weights=weights,
            origin=metadata["origin"],
            training=_training(json.loads(metadata["training"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"SOURCE: {path}: got metadata that cannot be read ({error!r}), must be as "
            "nas export writes it"
        ) from error


def _training(data: Mapping[str, Any] | None) -> Training | None:
    if data is None:
        return None
    mean, std = (tuple(map(float, data["normalization"][key])) for key in ("mean", "std"))
    return Training(
        data=str(data["data"]),
        epoch=int(data["epoch"]),
        accuracy=float(data["accuracy"]),
        normalization=Normalization(mean, std),
        class_names=tuple(map(str, data["class_names"])),
    )


def _read_torch(path: Path) -> Model | dict[str, Tensor]:
    """A training's directory, a checkpoint of this tool, or a state dict."""
    if path.is_dir():
        return _checkpoint(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, ValueError, LookupError, EOFError, pickle.UnpicklingError) as error:
        raise UserError(f"SOURCE: {path}: torn, or holds more than weights") from error
    if isinstance(content, dict) and "schema_version" in content:
        return _checkpoint(path)
    if not isinstance(content, dict) or not all(isinstance(v, Tensor) for v in content.values()):
        raise UserError(f"SOURCE: {path}: must hold a state dict, tensors by name")
    return dict(content)


def _checkpoint(path: Path) -> Model:
    trained = read_network(path)
    training = Training(
        data=trained.data,
        epoch=trained.epoch,
        accuracy=trained.accuracy,
        normalization=trained.normalization,
        class_names=trained.class_names,
    )
    origin = f"of {path}, epoch {trained.epoch} on {trained.data}"
    return Model(trained.file, trained.weights, origin, training)
