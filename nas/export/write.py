"""An export, from the model to its files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from nas.architectures import counted
from nas.errors import UserError
from nas.export.model import Model, Weights, untrained
from nas.export.model_card import model_card
from nas.export.onnx_file import Difference, write_onnx
from nas.export.python_file import check_operators, python_file
from nas.export.request import Request
from nas.export.torchvision_names import NotInTorchvision, name_in_torchvision, to_torchvision
from nas.export.weights_file import write_pth, write_safetensors
from nas.export.whole_files import whole_files
from results.architecture_file import ArchitectureFile


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
    text = python_file(counted(file, "SOURCE"), training, to.stem)
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
    model = replace(model, file=counted(model.file, "SOURCE"))
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
