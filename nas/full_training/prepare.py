"""From the options of ``nas train`` to a training that is ready to run."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from nas.architectures import find_architecture
from nas.data.load import absolute_data, is_in_memory, load_training_data
from nas.data.split import SearchData
from nas.errors import UserError
from nas.full_training.pretrained import read_pretrained
from nas.full_training.settings import LIGHT, Job, TrainDirectory, TrainSettings, create
from nas.training.progressive import ranges_of
from nas.training.recipes import PRESETS
from results.architecture_file import ArchitectureFile
from reward.complexity import count_parameters
from scaling.regularization import regularization
from scaling.scaled import ImageSizes, to_multiple
from search_space.published import published
from search_space.task import Task

MANY_IMAGES = 100_000


LIGHT_EPOCHS = 30  # three times a candidate's


PROGRESSIVE = ("imagenet", "imagenet21k")  # the presets whose epochs are enough for it


@dataclass(frozen=True)
class TrainRequest:
    """The options of ``nas train``; None is what the user left out."""

    arch: str | None = None
    data: str | None = None
    out: Path | None = None
    preset: str | None = None
    progressive: bool | None = None
    random_sizes: bool | None = None
    batch_growth: float | None = None
    epochs: int | None = None
    image_size: int | None = None
    batch_size: int | None = None
    micro_batch: int | None = None
    seed: int | None = None
    patience: int | None = None
    pretrained: Path | None = None
    workers: int | None = None
    resume: Path | None = None


def prepare(request: TrainRequest) -> Job:
    """A new training, or the one to resume, with its data loaded.

    Raises:
        UserError: an option that cannot be met, or that contradicts the training to resume.
    """
    return _resumed(request, request.resume) if request.resume else _new(request)


def _new(request: TrainRequest) -> Job:
    for name in ("arch", "data", "out"):
        if getattr(request, name) is None:
            raise UserError(f"--{name}: must be given, or --resume and a training's directory")
    assert request.arch is not None
    assert request.data is not None
    assert request.out is not None
    source = _architecture(request.arch)
    data, file = _load(request.data, source, request.image_size)
    file = _for_data(file, data)
    preset = request.preset or _preset(data, request.pretrained)
    is_progressive = _is_progressive(request, preset, source)
    _check_resizing(request, is_progressive)
    if is_progressive or preset != LIGHT:
        file = replace(file, training=_regularization(file, source))
    settings = TrainSettings(
        architecture=file.to_json(),
        data=absolute_data(request.data),
        data_fingerprint=data.fingerprint(),
        preset=preset,
        epochs=request.epochs or _epochs(preset, len(data.training), request),
        batch_size=_batch_size(preset, len(data.training), request),
        seed=request.seed or 0,
        progressive=file.training["progressive"] if is_progressive else None,
        patience=request.patience,
        pretrained=str(request.pretrained.absolute()) if request.pretrained else None,
        workers=request.workers or 1,
        micro_batch=request.micro_batch,
        random_sizes=bool(request.random_sizes),
        batch_growth=request.batch_growth or 1.0,
    )
    _check_workers(settings.workers, settings.batch_size)
    recipe = settings.recipe(len(data.training))
    pretrained = read_pretrained(request.pretrained, file) if request.pretrained else None
    made = create(request.out)
    made.write_settings(settings)
    return Job(made, settings, data, recipe, pretrained)


def _architecture(arch: str) -> ArchitectureFile:
    try:
        return find_architecture(arch)
    except UserError as error:
        raise UserError(f"--arch: {str(error).removeprefix('ARCH: ')}") from error


def _load(
    spec: str, source: ArchitectureFile, image_size: int | None
) -> tuple[SearchData, ArchitectureFile]:
    """The data at the size of evaluation, and the architecture with the sizes that follow."""
    if image_size is None and is_in_memory(spec):
        data = load_training_data(spec)
        file = with_sizes(source, None, data.image_size)
    else:
        data, file = None, with_sizes(source, image_size, None)
    pixels = max(file.train_size, file.eval_size)
    if data is None or data.image_size != pixels:
        data = load_training_data(spec, pixels)
    return data, file


def _for_data(file: ArchitectureFile, data: SearchData) -> ArchitectureFile:
    """With the data's classes and channels; what was counted for others is not said of these."""
    task = Task(data.classes, data.channels)
    if task == file.task:
        return file
    return replace(file, task=task, parameters=None, multiply_adds=None)


def _preset(data: SearchData, pretrained: Path | None) -> str:
    if pretrained is not None:
        return "transfer"
    if data.is_multi_label:
        return "imagenet21k"
    return "imagenet" if len(data.training) >= MANY_IMAGES else LIGHT


def _epochs(preset: str, images: int, request: TrainRequest) -> int:
    if preset == LIGHT:
        return LIGHT_EPOCHS
    return PRESETS[preset](images, None, request.batch_size).epochs


def _batch_size(preset: str, images: int, request: TrainRequest) -> int:
    recipe = PRESETS[preset](images, request.epochs, request.batch_size)
    return min(recipe.batch_size, images)


def _check_workers(workers: int, batch_size: int) -> None:
    """Whether the processes have devices of their own here, and equal shares of a batch."""
    gpus = torch.cuda.device_count()
    what, devices = ("GPU", gpus) if gpus else ("core", os.cpu_count() or 1)
    most = min(devices, batch_size)
    if workers > most and workers > 1:
        raise UserError(
            f"--workers: got {workers}, must be from 1 to {most}: there are {devices} "
            f"{what}s, and {batch_size} images in a batch"
        )
    if batch_size % workers:
        raise UserError(
            f"--workers: got {workers} for batches of {batch_size} images, must divide them: "
            f"--batch-size {batch_size - batch_size % workers} would do"
        )


def _is_progressive(request: TrainRequest, preset: str, source: ArchitectureFile) -> bool:
    """As asked for, else where the file carries the ranges and the preset is for them."""
    if request.progressive is not None:
        return request.progressive
    return preset in PROGRESSIVE and "progressive" in source.training


def _check_resizing(request: TrainRequest, is_progressive: bool) -> None:
    growth = request.batch_growth
    if growth is not None and growth < 1:
        raise UserError(f"--batch-growth: got {growth:g}, must be 1 or more")
    for option, is_given in (
        ("random-sizes", request.random_sizes),
        ("batch-growth", growth is not None),
    ):
        if is_given and not is_progressive:
            raise UserError(f"--{option}: training is at one size; must go with --progressive")


def _regularization(file: ArchitectureFile, source: ArchitectureFile) -> dict[str, Any]:
    try:
        return scaled_regularization(file, source)
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"--arch: {source.name}: got progressive-learning ranges that cannot be read "
            f"({error}), must be as nas scale writes them"
        ) from error


def _resumed(request: TrainRequest, path: Path) -> Job:
    known = TrainDirectory(path)
    settings = known.read_settings()
    _check_agreement(request, settings, path)
    _check_workers(request.workers or settings.workers, settings.batch_size)
    data = load_training_data(settings.data, settings.image_size)
    if data.fingerprint() != settings.data_fingerprint:
        raise UserError(
            f"--resume: {path}: the data {settings.data!r} is not what the training began with"
        )
    begins_anew = settings.pretrained is not None and not known.last.exists()
    pretrained = (
        read_pretrained(Path(settings.pretrained), settings.file)
        if begins_anew and settings.pretrained
        else None
    )
    return Job(known, settings, data, settings.recipe(len(data.training)), pretrained)


def _check_agreement(request: TrainRequest, settings: TrainSettings, path: Path) -> None:
    if request.out is not None:
        raise UserError("--resume: the training keeps its place, so not together with --out")
    wanted: dict[str, Any] = {
        "data": absolute_data(request.data) if request.data else None,
        "preset": request.preset,
        "progressive": request.progressive,
        "random-sizes": request.random_sizes,
        "batch-growth": request.batch_growth,
        "epochs": request.epochs,
        "image-size": request.image_size,
        "batch-size": request.batch_size,
        "micro-batch": request.micro_batch,
        "seed": request.seed,
        "patience": request.patience,
        "pretrained": str(request.pretrained.absolute()) if request.pretrained else None,
        "arch": _architecture(request.arch).architecture.architecture_id if request.arch else None,
    }
    own = {
        **settings.to_json(),
        "progressive": settings.progressive is not None,
        "random-sizes": settings.random_sizes,
        "batch-growth": settings.batch_growth,
        "image-size": settings.file.train_size,
        "batch-size": settings.batch_size,
        "micro-batch": settings.micro_batch,
        "arch": settings.file.architecture.architecture_id,
    }
    for name, value in wanted.items():
        if value is not None and value != own[name]:
            raise UserError(f"--{name}: got {value!r}, but {path} was begun with {own[name]!r}")


_V2 = ("efficientnetv2-s", "efficientnetv2-m", "efficientnetv2-l")


def with_sizes(
    file: ArchitectureFile, image_size: int | None, own_size: int | None
) -> ArchitectureFile:
    """The file with the sizes to train and to evaluate at.

    They are the file's, none larger than ``own_size`` where the data have one. ``image_size``
    stands in for the training size, and evaluation's goes with it.
    """
    if image_size is not None:
        ratio = file.eval_size / file.train_size
        return replace(file, train_size=image_size, eval_size=_times(image_size, ratio))
    if own_size is None:
        return file
    return replace(
        file, train_size=min(file.train_size, own_size), eval_size=min(file.eval_size, own_size)
    )


def scaled_regularization(file: ArchitectureFile, source: ArchitectureFile) -> dict[str, Any]:
    """How ``file`` is to be regularized, which is ``source`` with sizes of its own.

    It is what a scaled ``source`` says, the image sizes of progressive learning brought to the
    file's; what it does not say is as Table 6 has it for a network of as many parameters.

    Raises:
        ValueError: ranges for progressive learning that are none.
    """
    own = source.training
    if "progressive" not in own:
        return {**_table_6(file, source), **own}
    ranges = own["progressive"]
    ranges_of(ranges)
    ratio = file.train_size / source.train_size
    first, last = ranges["image_size"]
    if ratio != 1:
        last = min(file.train_size, _times(last, ratio))
        first = min(last, _times(first, ratio))
    return {**own, "progressive": {**ranges, "image_size": [first, last]}}


def _table_6(file: ArchitectureFile, source: ArchitectureFile) -> dict[str, Any]:
    small, medium, large = (
        count_parameters(published(name).architecture, source.task) for name in _V2
    )
    sizes = ImageSizes(file.train_size, file.eval_size)
    count = count_parameters(source.architecture, source.task)
    stride = source.architecture.stride
    return regularization(sizes, stride, count, (small, medium, large)).to_json()


def _times(size: int, ratio: float) -> int:
    return size if ratio == 1 else to_multiple(size * ratio)
