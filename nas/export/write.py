"""An export, from the model to its files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from nas.architectures import build_network, find_architecture, with_counts
from nas.errors import UserError
from nas.export.model_card import model_card
from nas.export.onnx_file import Difference, write_onnx
from nas.export.python_file import check_operators, python_file
from nas.export.weights_file import untrained, write_pth, write_safetensors
from nas.weights import (
    SUFFIXES,
    Model,
    NotInTorchvision,
    Weights,
    from_torchvision,
    name_in_torchvision,
    read_weights,
    to_torchvision,
)
from results.architecture_file import ArchitectureFile
from search_space.task import Task


@dataclass(frozen=True)
class Written:
    """What was written: whose network, which weights if any, and what ONNX's check found."""

    name: str
    origin: str | None
    difference: Difference | None


def write(source: Model | ArchitectureFile, request: Request, seed: int) -> Written:
    """Writes all files of the request or none; an architecture gets weights from ``seed``.

    Raises:
        UserError: the network cannot be written that way, differs beyond rounding as ONNX, or the
            place cannot be written to.
    """
    try:
        request.to.parent.mkdir(parents=True, exist_ok=True)
        if request.to.suffix == ".py":
            return _python(source, request.to)
        model = source if isinstance(source, Model) else untrained(source, seed)
        if request.to.suffix == ".onnx":
            return _onnx(model, request.to)
        return _weights(model, request)
    except OSError as error:
        raise UserError(
            f"--to: got {request.to}, must be a place to write to ({error.strerror or error})",
            exit_code=1,
        ) from error


def _python(source: Model | ArchitectureFile, to: Path) -> Written:
    file, training = (source.file, source.training) if isinstance(source, Model) else (source, None)
    check_operators(file)
    text = python_file(with_counts(file, "SOURCE"), training, to.stem)
    with whole_files(to) as path:
        path.write_text(text, encoding="utf-8", newline="\n")
    return Written(file.name, None, None)


def _onnx(model: Model, to: Path) -> Written:
    with whole_files(to) as path:
        try:
            difference = write_onnx(path, model)
        except torch.onnx.OnnxExporterError as error:
            reason = str(error).strip().splitlines()[0]
            raise UserError(
                f"{model.file.name}: torch cannot export it to ONNX ({reason})", exit_code=1
            ) from error
        if not difference.is_rounding:
            raise UserError(f"{to}: not written: {difference}, which is not rounding", exit_code=1)
    return Written(model.file.name, model.origin, difference)


def _weights(model: Model, request: Request) -> Written:
    model = replace(model, file=with_counts(model.file, "SOURCE"))
    weights, name = _named(model) if request.torchvision else (model.weights, None)
    with whole_files(request.to) as path:
        if path.suffix == ".safetensors":
            write_safetensors(path, model, weights)
        else:
            write_pth(path, weights)
        card = model_card(model, path.name, name)
        path.with_suffix(".md").write_text(card, encoding="utf-8", newline="\n")
    return Written(model.file.name, model.origin, None)


def _named(model: Model) -> tuple[Weights, str]:
    file = model.file
    try:
        name = name_in_torchvision(file.architecture)
        if file.task.in_channels != 3:
            raise NotInTorchvision("one for images of 3 channels, as torchvision's all are")
        return to_torchvision(file.architecture, model.weights), name
    except NotInTorchvision as error:
        raise UserError(f"--format: got torchvision, but {file.name} is not {error}") from error


def find_source(source: str, arch: str | None) -> Model | ArchitectureFile:
    """What ``source`` names; ``arch`` says the architecture of weights that do not.

    Weights may have our names or torchvision's.

    Raises:
        UserError: neither a readable file nor a published name, weights that do not fit their
            architecture, or an ``arch`` missing or in excess.
    """
    path = Path(source)
    if path.suffix not in SUFFIXES and not path.is_dir():
        if arch is not None:
            raise UserError(f"--arch: got {arch}, must go with weights alone; {source} has its own")
        return _find("SOURCE", source)
    found = read_weights(path)
    if isinstance(found, Model):
        if arch is not None:
            raise UserError(f"--arch: got {arch}, must go with weights alone; {source} has its own")
        return replace(found, weights=_fitted(source, found.file, found.weights))
    if arch is None:
        raise UserError(
            f"--arch: must be given, since {source} has weights alone: a file such as best.json "
            "or a published name"
        )
    return _with_architecture(source, found, _find("--arch", arch))


def _find(option: str, arch: str) -> ArchitectureFile:
    try:
        return find_architecture(arch)
    except UserError as error:
        raise UserError(f"{option}: {str(error).removeprefix('ARCH: ')}") from error


def _with_architecture(source: str, weights: Mapping[str, Tensor], file: ArchitectureFile) -> Model:
    """The classes and channels are the weights' own; what was measured or counted of ``file``
    is not of these weights, or holds for other classes."""
    renamed = _our_names(file, weights)
    task = Task(
        classes=_size(renamed, "classifier.weight", 0, file.task.classes),
        in_channels=_size(renamed, "stem.0.weight", 1, file.task.in_channels),
    )
    if task != file.task:
        file = replace(file, task=task, parameters=None, multiply_adds=None)
    return Model(file, _fitted(source, file, renamed), f"read from {source}")


def _size(weights: Mapping[str, Tensor], key: str, axis: int, otherwise: int) -> int:
    tensor = weights.get(key)
    return otherwise if tensor is None or tensor.dim() <= axis else tensor.shape[axis]


def _fitted(
    source: str, file: ArchitectureFile, weights: Mapping[str, Tensor]
) -> Mapping[str, Tensor]:
    """By our names, in our order, each of its place's shape and type.

    Counts of batches may be missing: old files have none, and nothing that infers reads them.
    """
    weights = _our_names(file, weights)
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
    for words, keys in (("missing", missing), ("unknown", unknown), ("of another shape", wrong)):
        if keys:
            raise UserError(
                f"SOURCE: {source}: its weights are not {file.name}'s: {len(keys)} of "
                f"{len(expected)} {words}, such as {keys[0]}"
            )
    return {
        key: tensor.to(expected[key].dtype) for key, tensor in tensors.items() if tensor is not None
    }


def _our_names(file: ArchitectureFile, weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    if not any(key.startswith("features.") for key in weights):
        return weights
    try:
        return from_torchvision(file.architecture, weights)
    except NotInTorchvision as error:
        raise UserError(
            f"SOURCE: has torchvision's names, but {file.name} is not {error}"
        ) from error


_PACKAGES = {
    ".onnx": ("onnx", "onnxscript", "onnxruntime"),
    ".py": (),
    ".safetensors": ("safetensors",),
    ".pth": (),
}


_WEIGHTS = (".safetensors", ".pth")


@dataclass(frozen=True)
class Request:
    """The file to write; weights by torchvision's names or by ours."""

    to: Path
    torchvision: bool = False

    @property
    def card(self) -> Path | None:
        """The model card that goes with weights."""
        return self.to.with_suffix(".md") if self.to.suffix in _WEIGHTS else None

    @property
    def paths(self) -> list[Path]:
        """All that may be written."""
        beside = self.to.with_name(self.to.name + ".data") if self.to.suffix == ".onnx" else None
        return [path for path in (self.to, self.card, beside) if path is not None]

    def check(self, force: bool) -> None:
        """That it can be written, as far as can be said at once; ``force`` replaces files.

        Raises:
            UserError: an ending that is not known, names of weights for what has none, packages
                that are not installed, a folder, or files that are there already.
        """
        if self.to.suffix not in _PACKAGES:
            raise UserError(f"--to: got {self.to}, must end in one of {', '.join(_PACKAGES)}")
        if self.torchvision and self.to.suffix not in _WEIGHTS:
            raise UserError(
                f"--format: got torchvision for {self.to}, must go with {' or '.join(_WEIGHTS)}"
            )
        missing = [name for name in _PACKAGES[self.to.suffix] if find_spec(name) is None]
        if missing:
            raise UserError(
                f"--to: {self.to.suffix} needs {', '.join(missing)}: "
                "pip install 'nas-engine[export]'"
            )
        there = [path for path in self.paths if path.exists()]
        if self.to.is_dir():
            raise UserError(f"--to: got {self.to}, a folder, must be a file such as model.onnx")
        if there and not force:
            raise UserError(f"--to: {there[0]} exists already; --force replaces it")


@contextmanager
def whole_files(path: Path) -> Iterator[Path]:
    """Where to write ``path``: in a folder beside it, which may take more files that belong to it.

    All are synced and moved next to ``path`` when the block ends well, ``path`` last; otherwise
    none is. What was there by their names is replaced.

    Raises:
        OSError: no room or no right to write.
    """
    with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        yield Path(folder) / path.name
        written = sorted(Path(folder).iterdir(), key=lambda file: file.name == path.name)
        for file in written:
            _sync(file)
        for file in written:
            file.replace(path.with_name(file.name))
    _sync(path.parent)  # without this the moves themselves could be lost in a power cut


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
