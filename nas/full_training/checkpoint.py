"""Checkpoints: files with a trained network, and with the state to resume its training from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from nas.architectures import build_network
from nas.data.options import BACKGROUND, DataOptions
from nas.data.split import Statistics
from nas.preprocessing import checked_values
from nas.state_dicts import check_not_compressed
from results.architecture_file import ArchitectureFile, from_json
from results.atomic import atomic_file
from reward.metric import ACCURACY
from search_space import bounds

if TYPE_CHECKING:
    from search_space.network import Network

_T = TypeVar("_T")
BEST, LAST = "best.pt", "last.pt"
SCHEMA_VERSION = 1

Normalization = Statistics  # the mean and standard deviation that images were normalised with


class CheckpointError(ValueError):
    """A file that is not a checkpoint; the message is one line with its name and the reason."""


@dataclass(frozen=True)
class TrainedNetwork:
    """A trained network: its architecture and weights, and how it was trained.

    ``file`` holds the architecture, the image sizes and the task. ``weights`` are the averaged
    weights (EMA) by the names of ``Network.state_dict``, on the CPU. ``accuracy`` is the value of
    ``metric``, which is accuracy by default, on the minival, in [0, 1], with these weights after
    ``epoch`` epochs on ``data``. ``class_names`` are in
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
    metric: str = ACCURACY

    @property
    def data_options(self) -> DataOptions:
        """How images are read as in the training."""
        return DataOptions(
            background=self.background, min_per_class=self.min_per_class, values=self.values
        )

    def build(self) -> Network:
        """Build the network with these weights, in evaluation mode.

        Raises:
            UserError: an operator is not known.
        """
        network = build_network(self.file, "CHECKPOINT")
        network.load_state_dict(dict(self.weights))
        return network.eval()


def read_network(path: Path) -> TrainedNetwork:
    """Read the network of a checkpoint, or the best (or else the last) of a training's directory.

    Raises:
        CheckpointError: the file is missing, truncated, not a checkpoint, or of a later release.
    """
    return _network(_read(_checkpoint_file(path)), path)


def network_of(content: bytes, path: Path) -> TrainedNetwork:
    """Return the network in the ``content`` of the checkpoint at ``path``.

    Raises:
        CheckpointError: as for :func:`read_network`.
    """
    return _network(_decoded(BytesIO(content), path), path)


def _network(content: Mapping[str, Any], path: Path) -> TrainedNetwork:
    try:
        return TrainedNetwork(
            file=from_json(content["architecture"]),
            weights=content["weights"],
            normalization=checked_normalization(content["normalization"]),
            data=bounds.text("data", content["data"], bounds.MOST_TEXT),
            epoch=bounds.whole("epoch", content["epoch"], bounds.MOST_EPOCHS, least=0),
            accuracy=bounds.real("accuracy", content["accuracy"], 1.0),
            class_names=checked_names(content["class_names"]),
            # These are not in files of earlier releases.
            minival_split=_optional(bounds.text, "minival_split", content),
            background=bounds.text("background", content.get("background", BACKGROUND)),
            min_per_class=_optional(_count, "min_per_class", content),
            values=checked_values(content.get("values")),
            metric=bounds.text("metric", content.get("metric", ACCURACY)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: not a checkpoint of this release ({error!r})") from error


def checked_normalization(values: Mapping[str, Any]) -> Normalization:
    """Return the mean and standard deviation; ValueError if they are not those of images."""
    if any(len(ends) > bounds.MOST_IMAGE_CHANNELS for ends in values.values()):
        raise ValueError("normalization: has more values than an image has channels")
    most = bounds.MOST_DEVIATION
    means = tuple(bounds.real("mean", value, most, -most) for value in values["mean"])
    return Normalization(means, tuple(bounds.real("std", each, most) for each in values["std"]))


def checked_names(names: object) -> tuple[str, ...]:
    """Return the names of classes; ValueError if they are too many, or not names."""
    if not isinstance(names, list | tuple) or len(names) > bounds.MOST_CLASSES:
        raise ValueError(f"class_names: got {bounds.shown(names)}, must be names")
    return tuple(bounds.text("class_names", name) for name in names)


_count = partial(bounds.whole, most=bounds.MOST_INTEGER)


def _optional(
    check: Callable[[str, object], _T], name: str, content: Mapping[str, Any]
) -> _T | None:
    value = content.get(name)
    return None if value is None else check(name, value)


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
        "metric": network.metric,
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
        check_not_compressed(file)
        file.seek(0)
        content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # of any type, depending on the bytes that are unpickled
        raise CheckpointError(f"{path}: truncated, or not a checkpoint") from error
    if not isinstance(content, dict) or "weights" not in content:
        raise CheckpointError(f"{path}: not a checkpoint of this tool")
    if content.get("schema_version") != SCHEMA_VERSION:
        raise CheckpointError(
            f"{path}: has schema version {bounds.shown(content.get('schema_version'))}, "
            f"this release reads {SCHEMA_VERSION}"
        )
    return content
