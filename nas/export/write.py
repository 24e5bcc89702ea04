"""An export: from the source on the command line to the files that are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from nas.architectures import build_network, find_architecture, with_counts
from nas.errors import UserError
from nas.export.model_card import model_card
from nas.export.onnx_file import Difference, write_onnx
from nas.export.python_file import check_operators, python_file
from nas.export.request import Request
from nas.export.weights_file import with_random_weights, write_pth, write_safetensors
from nas.weights import (
    SUFFIXES,
    Model,
    NotInTorchvision,
    Weights,
    name_in_torchvision,
    read_weights,
    to_torchvision,
    with_our_names,
)
from results.architecture_file import ArchitectureFile
from results.atomic import sync
from search_space.task import Task


@dataclass(frozen=True)
class Written:
    """The result of an export.

    ``name`` is the network's, ``origin`` that of its weights if there are any, and ``difference``
    the result of the check if the file is an ONNX file.
    """

    name: str
    origin: str | None
    difference: Difference | None


def write(source: Model | ArchitectureFile, request: Request, seed: int) -> Written:
    """Write all files of the request, or none.

    An architecture without weights gets random ones, drawn from ``seed``.

    Raises:
        UserError: the format cannot hold the network, the logits of the ONNX file differ from
            torch's by more than rounding, or the path is not writable.
    """
    try:
        request.to.parent.mkdir(parents=True, exist_ok=True)
        if request.to.suffix == ".py":
            return _write_python(source, request.to)
        model = source if isinstance(source, Model) else with_random_weights(source, seed)
        if request.to.suffix == ".onnx":
            return _write_onnx(model, request.to)
        return _write_weights(model, request)
    except OSError as error:
        raise UserError(
            f"--to: got {request.to}, must be a place to write to ({error.strerror or error})",
            exit_code=1,
        ) from error


def _write_python(source: Model | ArchitectureFile, to: Path) -> Written:
    file, training = (source.file, source.training) if isinstance(source, Model) else (source, None)
    check_operators(file)
    text = python_file(with_counts(file, "SOURCE"), training, to.stem)
    with atomic_files(to) as path:
        path.write_text(text, encoding="utf-8", newline="\n")
    return Written(file.name, None, None)


def _write_onnx(model: Model, to: Path) -> Written:
    with atomic_files(to) as path:
        try:
            difference = write_onnx(path, model)
        except torch.onnx.OnnxExporterError as error:
            reason = str(error).strip().splitlines()[0]
            raise UserError(
                f"{model.file.name}: torch cannot export it to ONNX ({reason})", exit_code=1
            ) from error
        if not difference.is_rounding:
            raise UserError(
                f"{to}: not written: {difference}, which is more than rounding", exit_code=1
            )
    return Written(model.file.name, model.origin, difference)


def _write_weights(model: Model, request: Request) -> Written:
    model = replace(model, file=with_counts(model.file, "SOURCE"))
    weights, name = _torchvision_weights(model) if request.torchvision else (model.weights, None)
    with atomic_files(request.to) as path:
        if path.suffix == ".safetensors":
            write_safetensors(path, model, weights)
        else:
            write_pth(path, weights)
        card = model_card(model, path.name, name)
        path.with_suffix(".md").write_text(card, encoding="utf-8", newline="\n")
    return Written(model.file.name, model.origin, None)


def _torchvision_weights(model: Model) -> tuple[Weights, str]:
    """Return the weights by torchvision's names, and the published name of its network."""
    file = model.file
    try:
        name = name_in_torchvision(file.architecture)
        if file.task.in_channels != 3:
            raise NotInTorchvision(
                "a network for images of 3 channels, as all of torchvision's are"
            )
        return to_torchvision(file.architecture, model.weights), name
    except NotInTorchvision as error:
        raise UserError(f"--format: got torchvision, but {file.name} is not {error}") from error


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


@contextmanager
def atomic_files(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write ``path`` to, in a folder of its own beside ``path``.

    The folder may take more files that belong to ``path``. If the block succeeds, all files are
    synced to the disk and moved next to ``path``, ``path`` last; they replace files of the same
    names. If it fails, no file is moved.

    Raises:
        OSError: no room on the disk, or no permission to write.
    """
    with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        yield Path(folder) / path.name
        written = sorted(Path(folder).iterdir(), key=lambda file: file.name == path.name)
        for file in written:
            sync(file)
        for file in written:
            file.replace(path.with_name(file.name))
    sync(path.parent)  # without this a power cut could undo the moves
