"""Prepare a training from the options of ``nas train``: check them and fill in the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from nas.architectures import Arch, find_architecture, operators_of
from nas.data.given import data_place, import_data
from nas.data.in_memory import is_in_memory
from nas.data.load import absolute_data, load_training_data
from nas.data.moved import load_recorded
from nas.data.options import DataOptions
from nas.data.split import SearchData
from nas.devices import visible_gpus
from nas.errors import UserError, there_are
from nas.full_training.own_network import check_own_network, own_file
from nas.full_training.pretrained import read_pretrained
from nas.full_training.settings import FOR_SIZES, Job, TrainDirectory, TrainSettings, create
from nas.imports import import_named
from nas.machine import available_cores
from nas.metrics.registry import check_metric, metric_named, recorded_function
from nas.training.progressive import Resizing, ranges_of, sizes_to_draw
from nas.training.recipe_options import RecipeOptions, check_recipe, make_recipe
from nas.training.recipes import IMAGE_SIZES, SHORT, Recipe, epochs_a_validation
from results.architecture_file import ArchitectureFile
from reward.complexity import count_parameters
from scaling.families import sml_parameters
from scaling.regularization import regularization
from scaling.scaled import ImageSizes, to_multiple
from search_space.published import PUBLISHED, published
from search_space.task import Task

MANY_IMAGES = 100_000  # from here on the default preset is imagenet
LIGHT = "proxy"  # the default for fewer
LIGHT_EPOCHS = 30  # of the recipes of a search: three times a candidate's
NO_ROOM = "a smaller --data-size, or --stream"  # what to do about a cache without room
PROGRESSIVE = ("imagenet", "imagenet21k")  # presets with enough epochs for progressive learning


@dataclass(frozen=True)
class TrainRequest:
    """The options of ``nas train``; an option that was not given is None."""

    arch: Arch | None = None
    network: str | None = None
    data: str | None = None
    minival: str | None = None
    background: str | None = None
    min_per_class: int | None = None
    out: Path | None = None
    preset: str | None = None
    recipe_options: RecipeOptions = field(default_factory=RecipeOptions)
    progressive: bool | None = None
    random_sizes: bool | None = None
    adaptive: bool | None = None
    batch_growth: float | None = None
    epochs: int | None = None
    image_size: int | None = None
    data_size: int | None = None
    stream: bool | None = None
    batch_size: int | None = None
    micro_batch: int | None = None
    is_compiled: bool | None = None
    seed: int | None = None
    patience: int | None = None
    metric: str | None = None
    validate_every: int | None = None
    pretrained: Path | None = None
    workers: int | None = None
    address: str | None = None
    resume: Path | None = None

    @property
    def data_options(self) -> DataOptions:
        """Which images of the data to take, and how to decode them."""
        return DataOptions.given(self.minival, self.background, self.min_per_class)


def prepare(request: TrainRequest) -> Job:
    """Prepare a new training, or the one to resume, and load its data.

    Raises:
        UserError: an option cannot be met, or contradicts the training to resume.
    """
    return _resumed(request, request.resume) if request.resume else _new(request)


def _new(request: TrainRequest) -> Job:
    check_recipe(request.preset or LIGHT, request.recipe_options)
    for name in ("arch", "data", "out"):
        if getattr(request, name) is None and not (name == "arch" and request.network):
            raise UserError(f"--{name}: must be given, or --resume with a training's directory")
    assert request.data is not None
    assert request.out is not None
    import_data(request.data)
    metric = metric_named(request.metric)
    source = _source(request)
    if request.image_size is None and (size := IMAGE_SIZES.get(request.preset or "")):
        source = replace(source, train_size=size, eval_size=size)
    data, file = _load(request, source)
    check_metric(metric, data.minival.labels, data.classes)
    file = _with_task(file, data)
    preset = request.preset or _default_preset(data, request.pretrained)
    made = _recipe(preset, len(data.training), request)
    is_progressive = _is_progressive(request, preset, source)
    _check_progressive_options(request, is_progressive)
    if is_progressive or preset in FOR_SIZES:
        file = replace(file, training=_regularization(file, source))
    progressive = file.training["progressive"] if is_progressive else None
    settings = TrainSettings(
        architecture=file.to_json(),
        data=absolute_data(request.data),
        data_fingerprint=data.fingerprint(),
        preset=preset,
        epochs=made.epochs,
        batch_size=min(made.batch_size, len(data.training)),
        seed=request.seed or 0,
        progressive=progressive,
        patience=request.patience,
        pretrained=str(request.pretrained.absolute()) if request.pretrained else None,
        workers=request.workers or 1,
        micro_batch=request.micro_batch,
        is_compiled=bool(request.is_compiled),
        random_sizes=bool(request.random_sizes),
        adaptive=request.adaptive is not False,
        sizes=_number_of_sizes(progressive, bool(request.random_sizes)),
        batch_growth=request.batch_growth or 1.0,
        minival=request.data_options.minival,
        background=request.data_options.background,
        min_per_class=request.min_per_class,
        data_size=data.image_size,
        stream=bool(request.stream),
        recipe_options=request.recipe_options.given(),
        metric=metric.metric.name,
        validate_every=request.validate_every
        or epochs_a_validation(made.epochs, len(data.training) // made.batch_size),
    )
    _check_workers(settings.workers, settings.batch_size, request.address)
    recipe = settings.recipe(len(data.training))
    pretrained = read_pretrained(request.pretrained, file) if request.pretrained else None
    operators = operators_of(file.architecture, "--arch")
    if request.network:
        check_own_network(file, progressive["image_size"][0] if progressive else file.train_size)
    directory = create(request.out)
    directory.write_settings(settings)
    return Job(directory, settings, data, recipe, pretrained, operators, metric)


def _source(request: TrainRequest) -> ArchitectureFile:
    """Return the architecture of ``--arch``, or that of a network of the user's own."""
    if request.network is None:
        assert request.arch is not None
        return find_architecture(request.arch, "--arch")
    if request.arch is not None:
        raise UserError(f"--network: got {request.network!r} beside --arch, must be one of them")
    if request.pretrained is not None:
        raise UserError(
            f"--pretrained: got {request.pretrained} beside --network, must be with --arch; the "
            "function of --network may load weights itself"
        )
    return own_file(request.network)


def _load(request: TrainRequest, source: ArchitectureFile) -> tuple[SearchData, ArchitectureFile]:
    """Load the data at the sizes that training needs; return the architecture with its sizes.

    Training images are kept at the size to train at, unless ``--data-size`` is given, and the
    minival at the size to evaluate at.
    """
    spec, options = request.data, request.data_options
    assert spec is not None
    data, data_size = None, None
    if request.image_size is None and is_in_memory(data_place(spec)):
        data = load_training_data(spec, options=options)
        data_size = data.image_size
    file = with_sizes(source, request.image_size, data_size)
    sizes = request.data_size or file.train_size, file.eval_size
    if data is None or sizes != (data_size, data_size) or request.stream:
        data = _loaded(spec, sizes, options, bool(request.stream))
    return data, file


def _loaded(
    spec: str, sizes: tuple[int, int], options: DataOptions, is_streamed: bool
) -> SearchData:
    """Load the training set and the minival at these sizes in pixels."""
    remedy = "" if is_streamed else NO_ROOM
    return load_training_data(spec, sizes[0], options, sizes[1], remedy, is_streamed)


def _with_task(file: ArchitectureFile, data: SearchData) -> ArchitectureFile:
    """Return the file for the data's classes and channels, without counts that no longer hold."""
    task = Task(data.classes, data.channels)
    if task == file.task:
        return file
    return replace(file, task=task, parameters=None, multiply_adds=None)


def _default_preset(data: SearchData, pretrained: Path | None) -> str:
    if pretrained is not None:
        return "transfer"
    if data.is_multi_label:
        return "imagenet21k"
    return "imagenet" if len(data.training) >= MANY_IMAGES else LIGHT


def _recipe(preset: str, images: int, request: TrainRequest) -> Recipe:
    """Return the recipe for so many images; those of a search have more epochs here."""
    epochs = request.epochs or (LIGHT_EPOCHS if preset in SHORT else None)
    try:
        return make_recipe(preset, images, epochs, request.batch_size)
    except ValueError as error:
        raise UserError(f"--recipe: {error}") from error


def _check_workers(workers: int, batch_size: int, address: str | None) -> None:
    """Check that there is a device for every process, and an equal share of the batch.

    What the cluster at an address has is known, and checked, once it is joined.
    """
    gpus = visible_gpus()
    what, devices = ("GPU", gpus) if gpus else ("core", available_cores())
    most = min(devices, batch_size)
    if workers > most and workers > 1 and address is None:
        raise UserError(
            f"--workers: got {workers}, must be from 1 to {most}: {there_are(devices, what)}, "
            f"and {batch_size} images in a batch"
        )
    if batch_size % workers:
        raise UserError(
            f"--workers: got {workers} for batches of {batch_size} images, must divide the batch "
            f"size; it would divide --batch-size {batch_size - batch_size % workers}"
        )


def _is_progressive(request: TrainRequest, preset: str, source: ArchitectureFile) -> bool:
    """Return the option, or by default whether both the file and the preset are made for it."""
    if request.progressive is not None:
        return request.progressive
    return preset in PROGRESSIVE and "progressive" in source.training


def _check_progressive_options(request: TrainRequest, is_progressive: bool) -> None:
    """Check the options that refine progressive learning."""
    growth = request.batch_growth
    if growth is not None and growth < 1:
        raise UserError(f"--batch-growth: got {growth:g}, must be 1 or more")
    for option, is_given in (
        ("random-sizes", request.random_sizes),
        ("no-adaptive" if request.adaptive is False else "adaptive", request.adaptive is not None),
        ("batch-growth", growth is not None),
    ):
        if is_given and not is_progressive:
            raise UserError(f"--{option}: needs --progressive, but training is at one image size")


def _number_of_sizes(progressive: Mapping[str, Any] | None, is_random: bool) -> int:
    """Return how many image sizes there are; random ones may be any between the ends."""
    if progressive is None or not is_random:
        return Resizing.stages
    return sizes_to_draw(ranges_of(progressive))


def _regularization(file: ArchitectureFile, source: ArchitectureFile) -> dict[str, Any]:
    try:
        return scaled_regularization(file, source)
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"--arch: {source.name}: got ranges of progressive learning that cannot be read "
            f"({error}), must be as nas scale writes them"
        ) from error


def _resumed(request: TrainRequest, path: Path) -> Job:
    directory = TrainDirectory(path)
    import_named(request.preset or "", "--recipe")
    import_named(request.metric or "", "--metric")
    import_named(request.network or "", "--network")
    settings = directory.read_settings()
    _check_agreement(request, settings, path)
    operators = operators_of(settings.file.architecture, f"--resume: {path}")
    metric = recorded_function(settings.metric, f"--resume: {path}")
    workers = request.workers or settings.workers
    if request.stream is not None:
        settings = replace(settings, stream=request.stream)
    _check_workers(workers, settings.batch_size, request.address)
    place, data = load_recorded(
        path,
        settings.data,
        request.data,
        settings.data_fingerprint,
        partial(
            _loaded,
            sizes=settings.loaded_sizes,
            options=settings.data_options,
            is_streamed=settings.stream,
        ),
    )
    settings = replace(settings, data=place)
    if settings != directory.read_settings():
        directory.change_settings(settings)
    pretrained = None
    if settings.pretrained is not None and not directory.last.exists():
        pretrained = read_pretrained(Path(settings.pretrained), settings.file)
    recipe = settings.recipe(len(data.training))
    return Job(directory, settings, data, recipe, pretrained, operators, metric)


def _check_agreement(request: TrainRequest, settings: TrainSettings, path: Path) -> None:
    """Check that the options given with --resume are those that the training was started with."""
    if request.out is not None:
        raise UserError(
            "--resume: the training stays in its directory, must be given without --out"
        )
    given = request.recipe_options.given()
    requested: dict[str, Any] = {
        **given,
        "minival": request.minival,
        "background": request.background,
        "min-per-class": request.min_per_class,
        "recipe": request.preset,
        "progressive": request.progressive,
        "random-sizes": request.random_sizes,
        "adaptive": request.adaptive,
        "batch-growth": request.batch_growth,
        "epochs": request.epochs,
        "image-size": request.image_size,
        "data-size": request.data_size,
        "batch-size": request.batch_size,
        "micro-batch": request.micro_batch,
        "compile": request.is_compiled,
        "seed": request.seed,
        "patience": request.patience,
        "metric": request.metric,
        "validate-every": request.validate_every,
        "pretrained": str(request.pretrained.absolute()) if request.pretrained else None,
        "network": request.network,
        "arch": find_architecture(request.arch, "--arch").architecture.architecture_id
        if request.arch
        else None,
    }
    stored = {
        **settings.to_json(),
        "recipe": settings.preset,
        **{name: settings.recipe_options.get(name, "the recipe's") for name in given},
        "progressive": settings.progressive is not None,
        "random-sizes": settings.random_sizes,
        "adaptive": settings.adaptive,
        "batch-growth": settings.batch_growth,
        "image-size": settings.file.train_size,
        "data-size": settings.loaded_sizes[0],
        "batch-size": settings.batch_size,
        "micro-batch": settings.micro_batch,
        "compile": settings.is_compiled,
        "min-per-class": settings.min_per_class,
        "validate-every": settings.validate_every,
        "network": settings.file.architecture.network,
        "arch": settings.file.architecture.architecture_id,
    }
    for name, value in requested.items():
        if value is not None and value != stored[name]:
            raise UserError(
                f"--{name}: got {value!r}, but {path} was started with {stored[name]!r}"
            )


def with_sizes(
    file: ArchitectureFile, image_size: int | None, data_size: int | None
) -> ArchitectureFile:
    """Return the file with the image sizes to train and to evaluate at.

    ``image_size`` replaces the training size, and the evaluation size keeps its ratio to it. If it
    is None, the sizes are the file's, but no larger than ``data_size``, the size of the images if
    they all have one.
    """
    if image_size is not None:
        ratio = file.eval_size / file.train_size
        return replace(file, train_size=image_size, eval_size=_scaled_size(image_size, ratio))
    if data_size is None:
        return file
    return replace(
        file, train_size=min(file.train_size, data_size), eval_size=min(file.eval_size, data_size)
    )


def scaled_regularization(file: ArchitectureFile, source: ArchitectureFile) -> dict[str, Any]:
    """Return the regularization of ``file``, which is ``source`` at other image sizes.

    A scaled ``source`` carries its regularization; the image sizes of progressive learning are
    brought to the file's. Anything that is missing follows from EfficientNetV2's Table 6 for a
    network with that many parameters.

    Raises:
        ValueError: the ranges of progressive learning cannot be read.
    """
    training = source.training
    if "progressive" not in training:
        return {**_table_6(file, source), **training}
    ranges = training["progressive"]
    ranges_of(ranges)
    ratio = file.train_size / source.train_size
    first, last = ranges["image_size"]
    if ratio != 1:
        last = min(file.train_size, _scaled_size(last, ratio))
        first = min(last, _scaled_size(first, ratio))
    return {**training, "progressive": {**ranges, "image_size": [first, last]}}


def _table_6(file: ArchitectureFile, source: ArchitectureFile) -> dict[str, Any]:
    """Return Table 6's regularization for a network with the parameters of ``source``."""
    sizes = ImageSizes(file.train_size, file.eval_size)
    stride = source.architecture.stride
    try:
        count = count_parameters(source.architecture, source.task)
    except ValueError as error:
        raise UserError(f"--arch: {source.name}: {error}") from error
    by_size = sml_parameters(lambda architecture: count_parameters(architecture, source.task))
    last = _published_last_size(source)
    if last is not None and file.train_size != source.train_size:
        last = _scaled_size(last, file.train_size / source.train_size)
    return regularization(sizes, stride, count, by_size, progressive_size=last).to_json()


def _published_last_size(source: ArchitectureFile) -> int | None:
    """Return the size that a published network is trained up to progressively, if it is known."""
    if source.name not in PUBLISHED:
        return None
    network = published(source.name)
    return network.progressive_size if network.architecture == source.architecture else None


def _scaled_size(size: int, ratio: float) -> int:
    return size if ratio == 1 else to_multiple(size * ratio)
