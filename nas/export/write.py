"""An export: the files of a model or an architecture, all of them or none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from nas.architectures import with_counts
from nas.errors import UserError
from nas.export.card_use import onnx_code, timm_code, torchvision_code, weights_code
from nas.export.model_card import model_card
from nas.export.onnx_file import Difference, write_onnx
from nas.export.python_file import check_operators, is_standalone, python_file
from nas.export.request import PREDICT, Request
from nas.export.source import check_exportable
from nas.export.timm_file import timm_file
from nas.export.weights_file import with_random_weights, write_pth, write_safetensors
from nas.timm_names import NotInTimm, to_timm
from nas.weights import Model, NotInTorchvision, Weights, name_in_torchvision, to_torchvision
from results.architecture_file import ArchitectureFile
from results.atomic import sync


@dataclass(frozen=True)
class Written:
    """The result of an export.

    ``name`` is the network's, ``origin`` that of its weights if there are any, and ``difference``
    the result of the check if the file is an ONNX file. ``paths`` are the files.
    """

    name: str
    origin: str | None
    difference: Difference | None
    paths: tuple[Path, ...]


def write(source: Model | ArchitectureFile, request: Request, seed: int) -> Written:
    """Write all files of the request, or none.

    An architecture without weights gets random ones, drawn from ``seed``.

    Raises:
        UserError: the format cannot hold the network, the logits of the ONNX file differ from
            torch's by more than rounding, or the path is not writable.
    """
    check_exportable(source.file if isinstance(source, Model) else source)
    try:
        request.to.parent.mkdir(parents=True, exist_ok=True)
        if request.to.suffix == ".py":
            return _write_python(source, request)
        model = source if isinstance(source, Model) else with_random_weights(source, seed)
        if request.to.suffix == ".onnx":
            return _write_onnx(model, request)
        return _write_weights(model, request)
    except OSError as error:
        raise UserError(
            f"--to: got {request.to}, must be a place to write to ({error.strerror or error})",
            exit_code=1,
        ) from error


def _write_python(source: Model | ArchitectureFile, request: Request) -> Written:
    file = source.file if isinstance(source, Model) else source
    if request.names != "timm":
        check_operators(file)
    text = _code(source, request.to, request.names)
    with atomic_files(request.to) as path:
        _write_text(path, text)
    return Written(file.name, None, None, (request.to,))


def _code(source: Model | ArchitectureFile, to: Path, names: str) -> str:
    """Return the text of the Python file of the network, which is to be at ``to``."""
    write_file = timm_file if names == "timm" else python_file
    file = with_counts(source.file if isinstance(source, Model) else source, "SOURCE")
    try:
        if isinstance(source, Model):
            return write_file(file, to.stem, source.preprocessing, source.class_names)
        return write_file(file, to.stem)
    except NotInTimm as error:
        raise _not_in_timm(file, error) from error


def _not_in_timm(file: ArchitectureFile, error: NotInTimm) -> UserError:
    return UserError(f"--format: got timm, which cannot form {file.name}: it has {error}")


def _write_onnx(model: Model, request: Request) -> Written:
    beside, card = _beside(model, request), _card(model, request)
    with atomic_files(request.to) as path:
        try:
            difference = write_onnx(path, model, request.with_preprocessing)
        except torch.onnx.OnnxExporterError as error:
            reason = str(error).strip().splitlines()[0]
            raise UserError(
                f"{model.file.name}: torch cannot export it to ONNX ({reason})", exit_code=1
            ) from error
        if not difference.is_rounding:
            raise UserError(
                f"{request.to}: not written: {difference}, which is more than rounding", exit_code=1
            )
        _write_texts(path, card | beside)
        paths = _paths(path, request.to)
    return Written(model.file.name, model.origin, difference, paths)


def _write_weights(model: Model, request: Request) -> Written:
    weights, name = _renamed(model, request.names)
    beside, card = _beside(model, request), _card(model, request, name)
    with atomic_files(request.to) as path:
        if path.suffix == ".safetensors":
            write_safetensors(path, model, weights)
        else:
            write_pth(path, weights)
        _write_texts(path, card | beside)
        paths = _paths(path, request.to)
    return Written(model.file.name, model.origin, None, paths)


def _card(model: Model, request: Request, torchvision_name: str | None = None) -> dict[str, str]:
    """Return the text of the model card by the name of its file.

    Raises:
        UserError: the network is to read images, and it is not known how.
    """
    assert request.card is not None
    preprocessing, name = model.preprocessing, request.to.name
    if request.with_preprocessing:
        if preprocessing is None:
            raise UserError(
                f"--with-preprocessing: got {model.file.name}, of which it is not known how images "
                "become pixels, must be of a nas train"
            )
        preprocessing = replace(preprocessing, is_in_graph=True)
    if request.to.suffix == ".onnx":
        use = onnx_code(model, name, preprocessing)
    elif torchvision_name is not None:
        use = torchvision_code(model, name, torchvision_name)
    else:
        use = (timm_code if request.names == "timm" else weights_code)(model, name)
    counted = replace(model, file=with_counts(model.file, "SOURCE"))
    predict = f"python {PREDICT} {name} IMAGE..." if _is_run(model, request) else ""
    return {request.card.name: model_card(counted, use, preprocessing, predict)}


def _is_run(model: Model, request: Request) -> bool:
    """Whether predict.py can run the network: it must know how images become pixels."""
    is_timm = request.names == "timm"
    has_code = request.code is None or is_timm or is_standalone(model.file)
    return request.predict is not None and model.preprocessing is not None and has_code


def _beside(model: Model, request: Request) -> dict[str, str]:
    """Return the texts of predict.py and of the Python file that it needs, by their names.

    Raises:
        UserError: another file of that name is there.
    """
    if not _is_run(model, request):
        return {}
    texts = {PREDICT: _predict()}
    if request.code is not None:
        texts[request.code.name] = _code(model, request.code, request.names)
    for name, text in texts.items():
        path = request.to.with_name(name)
        if path.exists() and not request.replaces and path.read_bytes() != text.encode():
            raise UserError(f"--to: {path} exists already, and is another; --force replaces it")
    return texts


def _predict() -> str:
    """Return the text of predict.py: that of :mod:`nas.export.predict`, without its remarks."""
    text = files("nas.export").joinpath(PREDICT).read_text(encoding="utf-8")
    return re.sub(r"  # (noqa|type: ignore).*", "", text)


def _write_texts(path: Path, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        _write_text(path.with_name(name), text)


def _paths(path: Path, to: Path) -> tuple[Path, ...]:
    """Return where the files beside ``path`` will be, that of the export itself first."""
    names = sorted(file.name for file in path.parent.iterdir())
    return tuple(to.with_name(name) for name in sorted(names, key=lambda n: n != to.name))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _renamed(model: Model, names: str) -> tuple[Weights, str | None]:
    """Return the weights by the names of a library, and the network's name in torchvision."""
    if names == "torchvision":
        return _torchvision_weights(model)
    if names != "timm":
        return model.weights, None
    try:
        return to_timm(model.file.architecture, model.weights), None
    except NotInTimm as error:
        raise _not_in_timm(model.file, error) from error


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
