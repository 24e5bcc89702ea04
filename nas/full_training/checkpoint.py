"""Checkpoints: files with a trained network, and with the state to resume its training from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from nas.data.options import BACKGROUND, DataOptions
from nas.data.split import Statistics
from results.architecture_file import ArchitectureFile, from_json
from results.atomic import atomic_file
from search_space.network import Network

BEST, LAST = "best.pt", "last.pt"
SCHEMA_VERSION = 1

Normalization = Statistics  # the mean and standard deviation that images were normalised with


class CheckpointError(ValueError):
    """A file that is not a checkpoint; the message is one line with its name and the reason."""


@dataclass(frozen=True)
class TrainedNetwork:
    """A trained network: its architecture and weights, and how it was trained.

    ``file`` holds the architecture, the image sizes and the task. ``weights`` are the averaged
    weights (EMA) by the names of ``Network.state_dict``, on the CPU. ``accuracy`` is the minival
    accuracy in [0, 1] of these weights after ``epoch`` epochs on ``data``. ``class_names`` are in
    the order of the labels, empty if the classes have no names. ``minival_split`` is the data's own
    split that epochs were chosen by, empty if the minival was held out of the training images, None
    if it is unknown. ``background`` is the colour that transparent images were laid on, and classes
    of fewer than ``min_per_class`` images were left out; ``values`` is the range of values that
    became 0 to 255, None for images of 8 bits.
    """

    file: ArchitectureFile
    weights: Mapping[str, Tensor]
    normalization: Normalization
    data: str
    epoch: int
    accuracy: float
    class_names: tuple[str, ...] = ()
    minival_split: str | None = None
    background: str = BACKGROUND
    min_per_class: int | None = None
    values: tuple[float, float] | None = None

    @property
    def data_options(self) -> DataOptions:
        """How images are read as in the training."""
        return DataOptions(
            background=self.background, min_per_class=self.min_per_class, values=self.values
        )

    def build(self) -> Network:
        """Build the network with these weights, in evaluation mode."""
        network = Network(
            self.file.architecture, self.file.task.classes, self.file.task.in_channels
        )
        network.load_state_dict(dict(self.weights))
        return network.eval()


def read_network(path: Path) -> TrainedNetwork:
    """Read the network of a checkpoint, or the best (or else the last) of a training's directory.

    Raises:
        CheckpointError: the file is missing, truncated, not a checkpoint, or of a later release.
    """
    content = _read(_checkpoint_file(path))
    try:
        return TrainedNetwork(
            file=from_json(content["architecture"]),
            weights=content["weights"],
            normalization=Normalization(**content["normalization"]),
            data=content["data"],
            epoch=content["epoch"],
            accuracy=content["accuracy"],
            class_names=tuple(content["class_names"]),
            minival_split=content.get("minival_split"),  # not in files of earlier releases
            background=content.get("background", BACKGROUND),
            min_per_class=content.get("min_per_class"),
            values=_pair(content.get("values")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: not a checkpoint of this release ({error!r})") from error


def _pair(values: Any) -> tuple[float, float] | None:
    return None if values is None else (float(values[0]), float(values[1]))


def training_state(content: bytes, path: Path) -> dict[str, Any]:
    """Return the training state in the ``content`` of a checkpoint, as :func:`encoded` got it.

    ``path`` is the file that it was read from.

    Raises:
        CheckpointError: as for :func:`read_network`, or there is no training state in the file.
    """
    state = _decoded(BytesIO(content), path).get("training")
    if not isinstance(state, dict):
        raise CheckpointError(f"{path}: holds only a network, must hold a training state too")
    return state


def encoded(network: TrainedNetwork, training: Mapping[str, Any] | None = None) -> bytes:
    """Return the content of a checkpoint's file.

    ``training`` is the training state, if there is one. It may hold only tensors, numbers, strings,
    lists and dictionaries, because nothing else can be read back.
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
        "minival_split": network.minival_split,
        "background": network.background,
        "min_per_class": network.min_per_class,
        "values": network.values,
        "training": training,
    }
    file = BytesIO()
    torch.save(content, file)
    return file.getvalue()


def write(path: Path, content: bytes) -> None:
    """Write a checkpoint that :func:`encoded` made, whole or not at all.

    Raises:
        OSError: no room on the disk, or no permission to write; ``path`` is left as it was.
    """
    with atomic_file(path) as file:
        file.write(content)


def _checkpoint_file(path: Path) -> Path:
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
        return _decoded(file, path)


def _decoded(file: IO[bytes], path: Path) -> dict[str, Any]:
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # of any type, depending on the bytes that are unpickled
        raise CheckpointError(f"{path}: truncated, or not a checkpoint") from error
    if not isinstance(content, dict) or "weights" not in content:
        raise CheckpointError(f"{path}: not a checkpoint of this tool")
    if content.get("schema_version") != SCHEMA_VERSION:
        raise CheckpointError(
            f"{path}: has schema version {content.get('schema_version')!r}, "
            f"this release reads {SCHEMA_VERSION}"
        )
    return content
