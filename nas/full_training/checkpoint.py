"""Checkpoints: a trained network in a file, with what it takes to go on training it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nas.data.split import Statistics
from results.architecture_file import ArchitectureFile, from_json
from results.atomic import atomic_file
from search_space.network import Network

BEST, LAST = "best.pt", "last.pt"
SCHEMA_VERSION = 1


Normalization = Statistics  # what images were normalised by


class CheckpointError(ValueError):
    """A file that holds no checkpoint; the message is one line, its name and the reason."""


@dataclass(frozen=True)
class TrainedNetwork:
    """A network with its weights.

    ``file`` has the architecture, the image sizes and the task. ``weights`` are the averaged ones,
    which accuracy is measured with, by the names of ``Network.state_dict``, on the CPU.
    ``accuracy`` is the minival's after ``epoch`` epochs, ``data`` what it was trained on and
    ``class_names`` its classes by label, where they have names.
    """

    file: ArchitectureFile
    weights: Mapping[str, Tensor]
    normalization: Normalization
    data: str
    epoch: int
    accuracy: float
    class_names: tuple[str, ...] = ()

    def build(self) -> Network:
        """The network itself, ready to infer."""
        network = Network(
            self.file.architecture, self.file.task.classes, self.file.task.in_channels
        )
        network.load_state_dict(dict(self.weights))
        return network.eval()


def read_network(path: Path) -> TrainedNetwork:
    """The network of a checkpoint file, or of a training's directory: its best, or else its last.

    Raises:
        CheckpointError: not there, torn, written by something else, or by a later release.
    """
    content = _read(_file_of(path))
    try:
        return TrainedNetwork(
            file=from_json(content["architecture"]),
            weights=content["weights"],
            normalization=Normalization(**content["normalization"]),
            data=content["data"],
            epoch=content["epoch"],
            accuracy=content["accuracy"],
            class_names=tuple(content["class_names"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: is no checkpoint of this release ({error!r})") from error


def read_training(path: Path) -> dict[str, Any]:
    """The state of the training that wrote this file, as it was given to :func:`write`.

    Raises:
        CheckpointError: as above, or a checkpoint without a training's state.
    """
    state = _read(path).get("training")
    if not isinstance(state, dict):
        raise CheckpointError(f"{path}: holds a network alone, must hold a training's state too")
    return state


def write(path: Path, network: TrainedNetwork, training: Mapping[str, Any] | None = None) -> None:
    """Writes it whole or not at all, with the training's state where that is given.

    ``training`` is made of tensors, numbers, strings, lists and dictionaries alone, since nothing
    else is read back.

    Raises:
        OSError: no room or no right to write; what was at ``path`` is left as it was.
    """
    content = {
        "schema_version": SCHEMA_VERSION,
        "architecture": network.file.to_json(),
        "weights": dict(network.weights),
        "normalization": asdict(network.normalization),
        "data": network.data,
        "epoch": network.epoch,
        "accuracy": network.accuracy,
        "class_names": network.class_names,
        "training": training,
    }
    with atomic_file(path) as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:  # torch's own about a write that failed
            raise error.__context__ if isinstance(error.__context__, OSError) else error from error


def _file_of(path: Path) -> Path:
    if not path.is_dir():
        return path
    for name in (BEST, LAST):
        if (path / name).is_file():
            return path / name
    raise CheckpointError(f"{path}: has no checkpoint in it, {BEST} or {LAST}")


def _read(path: Path) -> dict[str, Any]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from error
    with file:
        try:
            content = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # foreign bytes: the unpickler raises whatever they lead to
            raise CheckpointError(f"{path}: torn, or no checkpoint") from error
    if not isinstance(content, dict) or "weights" not in content:
        raise CheckpointError(f"{path}: is no checkpoint of this tool")
    if content.get("schema_version") != SCHEMA_VERSION:
        raise CheckpointError(
            f"{path}: has schema version {content.get('schema_version')!r}, "
            f"this release reads {SCHEMA_VERSION}"
        )
    return content
