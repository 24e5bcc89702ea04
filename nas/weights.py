"""Weights in files: .safetensors, which say their architecture, .pth, and checkpoints."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nas.architectures import build_network
from nas.errors import UserError
from nas.full_training.checkpoint import CheckpointError, Normalization, read_network
from results.architecture_file import ArchitectureFile, from_json
from search_space.architecture import Architecture
from search_space.network import Network, StochasticDepth
from search_space.operators import NORM_EPS, SqueezeExcitation
from search_space.published import published

SUFFIXES = (".safetensors", ".pth", ".pt")

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


NETWORKS: Mapping[str, tuple[str, float]] = {
    **{f"efficientnet-b{i}": (f"efficientnet_b{i}", 1e-5 if i < 5 else 1e-3) for i in range(8)},
    "efficientnetv2-s": ("efficientnet_v2_s", 1e-3),
    "efficientnetv2-m": ("efficientnet_v2_m", 1e-3),
    "efficientnetv2-l": ("efficientnet_v2_l", 1e-3),
}
"""By published name: torchvision's function, and the epsilon of its batch normalisations."""


class NotInTorchvision(ValueError):
    """An architecture that torchvision has no function for; the message is one line."""


def name_in_torchvision(architecture: Architecture) -> str:
    """The key of :data:`NETWORKS` that builds the same network.

    Raises:
        NotInTorchvision: there is none.
    """
    for name in NETWORKS:
        if published(name).architecture.architecture_id == architecture.architecture_id:
            return name
    raise NotInTorchvision(f"a network that torchvision has, one of {', '.join(NETWORKS)}")


def to_torchvision(architecture: Architecture, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our weights by torchvision's names, such that its network infers as ours does.

    Raises:
        NotInTorchvision: it has no such network.
    """
    name = name_in_torchvision(architecture)
    renamed = {theirs: weights[ours] for ours, theirs in keys(name).items() if ours in weights}
    return _with_eps(renamed, NORM_EPS, NETWORKS[name][1])


def from_torchvision(
    architecture: Architecture, weights: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The inverse of :func:`to_torchvision`; a name that it does not know stays as it is.

    Raises:
        NotInTorchvision: it has no such network.
    """
    name = name_in_torchvision(architecture)
    ours = {theirs: our for our, theirs in keys(name).items()}
    renamed = {ours.get(key, key): value for key, value in weights.items()}
    return _with_eps(renamed, NETWORKS[name][1], NORM_EPS)


def keys(name: str) -> dict[str, str]:
    """Every name of our state dict, with torchvision's for it, in our order."""
    architecture = published(name).architecture
    with torch.device("meta"):
        network = Network(architecture)
    modules = dict(_modules(architecture, network))
    return {key: _renamed(key, modules) for key in network.state_dict()}


def _renamed(key: str, modules: Mapping[str, str]) -> str:
    module, _, tensor = key.rpartition(".")
    return f"{modules[module]}.{tensor}"


def _modules(architecture: Architecture, network: Network) -> Iterator[tuple[str, str]]:
    """Names of modules that have weights, ours and torchvision's."""
    places = [
        f"{stage}.{layer}"
        for stage, own in enumerate(architecture.stages, 1)
        for layer in range(own.layers)
    ]
    head = len(architecture.stages) + 1
    for ours, theirs in (("stem", 0), ("head", head)):
        for i in (0, 1):
            yield f"{ours}.{i}", f"features.{theirs}.{i}"
    yield "classifier", "classifier.1"
    for i, (block, place) in enumerate(zip(network.blocks, places, strict=True)):
        prefix = f"blocks.{i}.body" if isinstance(block, StochasticDepth) else f"blocks.{i}"
        body = network.get_submodule(prefix)
        yield from _block(body, prefix, f"features.{place}.block")


def _block(body: nn.Module, ours: str, theirs: str) -> Iterator[tuple[str, str]]:
    """A convolution begins a unit, as a squeeze-and-excitation does."""
    unit = -1
    for name, module in body.named_children():
        unit += isinstance(module, nn.Conv2d | SqueezeExcitation)
        if isinstance(module, SqueezeExcitation):
            yield f"{ours}.{name}.reduce", f"{theirs}.{unit}.fc1"
            yield f"{ours}.{name}.expand", f"{theirs}.{unit}.fc2"
        elif isinstance(module, nn.Conv2d | nn.BatchNorm2d):
            yield f"{ours}.{name}", f"{theirs}.{unit}.{int(isinstance(module, nn.BatchNorm2d))}"


def _with_eps(weights: Mapping[str, Tensor], old: float, new: float) -> dict[str, Tensor]:
    """The same batch normalisations, written for another epsilon.

    ``weight / sqrt(running_var + eps)`` stays what it was.
    """
    changed = dict(weights)
    for key, variance in weights.items():
        scale = key.removesuffix("running_var") + "weight"
        if old == new or not key.endswith(".running_var") or scale not in weights:
            continue
        wide = variance.double()
        factor = ((wide + new) / (wide + old)).sqrt()
        changed[scale] = (weights[scale].double() * factor).to(weights[scale].dtype)
    return changed
