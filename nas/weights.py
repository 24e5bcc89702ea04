"""Reading a network's weights from files, and torchvision's names for them.

A file is a .safetensors, a state dict (.pth, .pt) or a checkpoint of nas train.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nas.architectures import build_network
from nas.data.decode import GREY, parse_background
from nas.data.formats.hub import PREFIX
from nas.data.in_memory import is_in_memory
from nas.errors import UserError
from nas.full_training.checkpoint import (
    CheckpointError,
    Normalization,
    checked_names,
    checked_normalization,
    read_network,
)
from nas.preprocessing import (
    INTERPOLATIONS,
    Preprocessing,
    checked_background,
    checked_interpolation,
    checked_values,
)
from nas.state_dicts import (
    NotAStateDict,
    StateDict,
    find_state_dict,
    load_data,
    without_prefixes,
)
from nas.timm_names import from_timm
from results.architecture_file import ArchitectureFile, from_json
from reward.metric import ACCURACY
from search_space.architecture import Architecture
from search_space.bounds import MOST_EPOCHS, MOST_TEXT, load_json, real, text, whole
from search_space.modules import NORM_EPS, SqueezeExcitation
from search_space.network import Network, StochasticDepth
from search_space.published import published

TIMM_STEM = "conv_stem.weight"  # a name of timm's
SUFFIXES = (".safetensors", ".pth", ".pt")

Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class TrainingSummary:
    """How weights were trained: on which data, and the minival accuracy after ``epoch`` epochs.

    ``accuracy`` is the value of ``metric``. ``data`` has no folders of the machine that trained
    (:func:`public_name`). ``class_names`` are in the order of the logits, empty if they are
    unknown. ``background``, ``values`` and ``interpolation`` say how images were read
    (:class:`~nas.preprocessing.Preprocessing`).
    """

    data: str
    epoch: int
    accuracy: float
    normalization: Normalization
    class_names: tuple[str, ...] = ()
    metric: str = ACCURACY
    background: tuple[int, int, int] = GREY
    values: tuple[float, float] | None = None
    interpolation: str = INTERPOLATIONS[0]


@dataclass(frozen=True)
class Model:
    """A network's architecture and weights.

    ``weights`` are by the names of ``Network.state_dict``, on the CPU. ``origin`` describes for
    people where they come from. ``training`` is None if it is unknown, or if the weights are
    random.
    """

    file: ArchitectureFile
    weights: Weights
    origin: str
    training: TrainingSummary | None = None

    @property
    def preprocessing(self) -> Preprocessing | None:
        """How an image becomes the pixels that the network takes; None if it is unknown."""
        training = self.training
        if training is None:
            return None
        return Preprocessing(
            size=self.file.eval_size,
            channels=self.file.task.in_channels,
            mean=training.normalization.mean,
            std=training.normalization.std,
            background=training.background,
            values=training.values,
            interpolation=training.interpolation,
        )

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the logits; empty if they are unknown."""
        return self.training.class_names if self.training else ()

    def build(self) -> Network:
        """Build the network with these weights, in evaluation mode."""
        network = build_network(self.file, "SOURCE")
        network.load_state_dict(dict(self.weights))
        return network.eval()


def read_weights(path: Path, argument: str) -> Model | StateDict:
    """Read a file of weights: a model if the file holds its architecture, else the weights alone.

    Weights alone may be in any of the forms of :mod:`nas.state_dicts`.

    ``argument`` is the name of the command line's argument or option, for errors.

    Raises:
        UserError: the file is missing, truncated, or holds something else.
    """
    try:
        if path.suffix == ".safetensors":
            return _read_safetensors(path)
        return _read_torch(path)
    except OSError as error:
        reason = error.strerror or "no such file, or no permission to read it"
        raise UserError(f"{argument}: {path}: cannot be read ({reason})") from error
    except NotAStateDict as error:
        raise UserError(f"{argument}: {path}: {error}") from error
    except (CheckpointError, _NotWeights) as error:
        raise UserError(f"{argument}: {error}") from error


class _NotWeights(ValueError):
    """A file that does not hold weights; the message is one line with its name and the reason."""


def _read_safetensors(path: Path) -> Model | StateDict:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise _NotWeights(f"{path}: truncated, or not a .safetensors file ({error})") from error
    if "architecture" not in metadata:
        return without_prefixes(weights, "a .safetensors file")
    try:
        described = from_json(load_json(metadata["architecture"]))
        if TIMM_STEM in weights:  # of nas export --format timm
            weights = from_timm(described.architecture, weights)
        return Model(
            file=described,
            weights=weights,
            origin=metadata["origin"],
            training=_training_summary(load_json(metadata["training"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _NotWeights(
            f"{path}: got metadata that cannot be read ({error!r}), must be as nas export writes it"
        ) from error


def _training_summary(data: Mapping[str, Any] | None) -> TrainingSummary | None:
    if data is None:
        return None
    return TrainingSummary(
        data=text("data", data["data"], MOST_TEXT),
        epoch=whole("epoch", data["epoch"], MOST_EPOCHS, least=0),
        accuracy=real("accuracy", data["accuracy"], 1.0),
        normalization=checked_normalization(data["normalization"]),
        class_names=checked_names(data["class_names"]),
        # These are not in files of earlier releases.
        metric=text("metric", data.get("metric", ACCURACY)),
        background=checked_background(data.get("background", GREY)),
        values=checked_values(data.get("values")),
        interpolation=checked_interpolation(data.get("interpolation", INTERPOLATIONS[0])),
    )


def _read_torch(path: Path) -> Model | StateDict:
    """Read a training's directory, a checkpoint of this tool, or a state dict in any form."""
    if path.is_dir():
        return _read_checkpoint(path)
    content = load_data(path)
    if isinstance(content, dict) and "schema_version" in content:
        return _read_checkpoint(path)
    return find_state_dict(content)


def _read_checkpoint(path: Path) -> Model:
    trained = read_network(path)
    training = TrainingSummary(
        data=public_name(trained.data),
        epoch=trained.epoch,
        accuracy=trained.accuracy,
        normalization=trained.normalization,
        class_names=trained.class_names,
        metric=trained.metric,
        background=parse_background(trained.background),
        values=trained.values,
        interpolation=INTERPOLATIONS[is_in_memory(trained.data)],
    )
    origin = f"of {path.resolve().name}, epoch {trained.epoch} on {training.data}"
    return Model(trained.file, trained.weights, origin, training)


def public_name(data: str) -> str:
    """Return the name of data without the folders that lead to it on this machine."""
    prefix = PREFIX if data.startswith(PREFIX) else ""
    name, comma, options = data.removeprefix(prefix).partition(",")
    return f"{prefix}{Path(name).name}{comma}{options}" if Path(name).is_absolute() else data


TORCHVISION_NETWORKS: Mapping[str, tuple[str, float]] = {
    **{f"efficientnet-b{i}": (f"efficientnet_b{i}", 1e-5 if i < 5 else 1e-3) for i in range(8)},
    "efficientnetv2-s": ("efficientnet_v2_s", 1e-3),
    "efficientnetv2-m": ("efficientnet_v2_m", 1e-3),
    "efficientnetv2-l": ("efficientnet_v2_l", 1e-3),
}
"""By published name: torchvision's function, and the epsilon of its batch normalisations."""


class NotInTorchvision(ValueError):
    """An architecture that torchvision does not have; the message completes "is not ..."."""


def name_in_torchvision(architecture: Architecture) -> str:
    """Return the key of :data:`TORCHVISION_NETWORKS` with the same architecture.

    Raises:
        NotInTorchvision: torchvision does not have this architecture.
    """
    for name in TORCHVISION_NETWORKS:
        if published(name).architecture.architecture_id == architecture.architecture_id:
            return name
    raise NotInTorchvision(
        f"a network that torchvision has, one of {', '.join(TORCHVISION_NETWORKS)}"
    )


def to_torchvision(architecture: Architecture, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename our weights to torchvision's names; its network then gives the same logits as ours.

    Raises:
        NotInTorchvision: torchvision does not have this architecture.
    """
    name = name_in_torchvision(architecture)
    renamed = {
        theirs: weights[ours] for ours, theirs in torchvision_names(name).items() if ours in weights
    }
    return _with_epsilon(renamed, NORM_EPS, TORCHVISION_NETWORKS[name][1])


def from_torchvision(
    architecture: Architecture, weights: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Rename torchvision's weights to our names, the inverse of :func:`to_torchvision`.

    Unknown names are kept.

    Raises:
        NotInTorchvision: torchvision does not have this architecture.
    """
    name = name_in_torchvision(architecture)
    our_names = {theirs: ours for ours, theirs in torchvision_names(name).items()}
    renamed = {our_names.get(key, key): value for key, value in weights.items()}
    return _with_epsilon(renamed, TORCHVISION_NETWORKS[name][1], NORM_EPS)


def has_torchvision_names(weights: Weights) -> bool:
    """Return whether the weights have torchvision's names."""
    return any(key.startswith("features.") for key in weights)


def with_our_names(weights: Weights, file: ArchitectureFile, argument: str) -> Weights:
    """Return the weights of ``file``'s network by our names, if they have torchvision's.

    ``argument`` begins the message of an error: what was given on the command line.

    Raises:
        UserError: they have torchvision's names, but it does not have the architecture.
    """
    if not has_torchvision_names(weights):
        return weights
    try:
        return from_torchvision(file.architecture, weights)
    except NotInTorchvision as error:
        raise UserError(
            f"{argument}: has torchvision's names, but {file.name} is not {error}"
        ) from error


def torchvision_names(name: str) -> dict[str, str]:
    """Map every name in our state dict of a published network to torchvision's, in our order."""
    architecture = published(name).architecture
    with torch.device("meta"):
        network = Network(architecture)
    modules = dict(_module_names(architecture, network))
    names = {}
    for key in network.state_dict():
        module, _, tensor = key.rpartition(".")
        names[key] = f"{modules[module]}.{tensor}"
    return names


def _module_names(architecture: Architecture, network: Network) -> Iterator[tuple[str, str]]:
    """Yield our name and torchvision's name of every module that has weights."""
    layers = [
        f"{number}.{layer}"
        for number, stage in enumerate(architecture.stages, 1)
        for layer in range(stage.layers)
    ]
    head = len(architecture.stages) + 1
    for ours, theirs in (("stem", 0), ("head", head)):
        for i in (0, 1):
            yield f"{ours}.{i}", f"features.{theirs}.{i}"
    yield "classifier", "classifier.1"
    for i, (block, layer) in enumerate(zip(network.blocks, layers, strict=True)):
        prefix = f"blocks.{i}.body" if isinstance(block, StochasticDepth) else f"blocks.{i}"
        body = network.get_submodule(prefix)
        yield from _block_names(body, prefix, f"features.{layer}.block")


def _block_names(body: nn.Module, ours: str, theirs: str) -> Iterator[tuple[str, str]]:
    """Yield the names of a block's modules.

    In torchvision a unit is a convolution with its batch normalisation, or squeeze-and-excitation.
    """
    unit = -1
    for name, module in body.named_children():
        unit += isinstance(module, nn.Conv2d | SqueezeExcitation)
        if isinstance(module, SqueezeExcitation):
            yield f"{ours}.{name}.reduce", f"{theirs}.{unit}.fc1"
            yield f"{ours}.{name}.expand", f"{theirs}.{unit}.fc2"
        elif isinstance(module, nn.Conv2d | nn.BatchNorm2d):
            yield f"{ours}.{name}", f"{theirs}.{unit}.{int(isinstance(module, nn.BatchNorm2d))}"


def _with_epsilon(weights: Mapping[str, Tensor], old: float, new: float) -> dict[str, Tensor]:
    """Adapt the weights of batch normalisations to another epsilon.

    ``weight / sqrt(running_var + eps)`` keeps its value.
    """
    changed = dict(weights)
    for key, variance in weights.items():
        scale = key.removesuffix("running_var") + "weight"
        if old == new or not key.endswith(".running_var") or scale not in weights:
            continue
        precise = variance.double()
        factor = ((precise + new) / (precise + old)).sqrt()
        changed[scale] = (weights[scale].double() * factor).to(weights[scale].dtype)
    return changed
