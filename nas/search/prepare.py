"""Prepare a search: check the options, load the data, create the run, or open one to resume."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace

from nas.architectures import Arch, find_architecture, find_space
from nas.data.given import import_data
from nas.data.load import absolute_data, load_search_data
from nas.data.split import SearchData
from nas.errors import UserError
from nas.imports import import_named
from nas.metrics.registry import check_metric, guessing_value, metric_named
from nas.run_directory import RunDirectory, absolute_storage_url, create_run, open_run
from nas.search.earlier_runs import find_earlier_runs
from nas.search.like import filled
from nas.search.pruners.base import check_pruners
from nas.search.request import PreparedSearch, SearchRequest, check_end, with_confirmation
from nas.search.resume import prepare_resumed
from nas.search.samplers.registry import LEARNING_SAMPLERS, check_sampler
from nas.search.settings import SearchSettings
from nas.training.recipe_options import check_recipe, make_recipe
from nas.training.recipes import PRESETS, Recipe, proxy
from results.architecture_file import ArchitectureFile, base_json
from results.database import RecordError
from results.record import Record
from reward.objective import is_own, parse_reward
from scaling.coefficient_grid import CoefficientGrid
from scaling.scaled import Base, ImageSizes
from search_space.architecture import Architecture, InvalidArchitecture
from search_space.bounds import OutOfBounds
from search_space.choices import InvalidSpace
from search_space.space import Space
from search_space.space_file import write_space

DEFAULT_BUDGET = 100
DEFAULT_RECIPE = "proxy"
_LARGE_BUDGET = 1000  # stands for none
DEFAULT_TIME_LIMIT_S = 3600.0


ChangeSettings = Callable[[SearchSettings, SearchData, Space], SearchSettings]


def prepare(request: SearchRequest) -> PreparedSearch:
    """Create a new run, or open the one to resume, and load its data.

    Raises:
        UserError: an option is not valid, or contradicts the run to resume.
        RecordError: the record cannot be opened or written.
    """
    if request.resume is not None:
        return prepare_resumed(request, request.resume)
    return _prepare_new(filled(request, request.like) if request.like else request)


def prepare_fit(request: SearchRequest, file: ArchitectureFile) -> PreparedSearch:
    """Create a new run of ``nas scale --fit`` with the file's network as its base.

    Images are loaded at the largest size of any candidate; each candidate then gets its own size.

    Raises:
        UserError, RecordError: as :func:`prepare`.
    """
    _check_names(request)
    base = Base(file.name, file.architecture, ImageSizes(file.train_size, file.eval_size))
    grid = CoefficientGrid(base)
    try:
        pixels = grid.largest_image_size
        space = Space.of_one(grid.name, base.architecture)
    except (InvalidSpace, InvalidArchitecture, OutOfBounds) as error:
        raise UserError(f"--from: {error}") from error
    data = _load(request, pixels)
    request = replace(request, budget=request.budget or grid.size)
    settings = replace(
        _settings(request, data, space),
        image_size=base.sizes.train,
        fit=base_json(base, file.provenance),
    )
    return _begin(request, settings, data)


def prepare_comparison(
    request: SearchRequest, pixels: int | None, change: ChangeSettings
) -> PreparedSearch:
    """Create a new run of ``nas proxy``; its images are loaded at ``pixels``.

    ``change`` makes the settings of the comparison from those of a search with this proxy.

    Raises:
        UserError, RecordError: as :func:`prepare`.
    """
    _check_names(request)
    data = _load(request, pixels)
    size = request.image_size or data.image_size
    space = find_space(request.space, size)
    settings = replace(_settings(request, data, space), image_size=size)
    return _begin(request, change(settings, data, space), data)


def _prepare_new(request: SearchRequest) -> PreparedSearch:
    _check_names(request)
    starts = _find_starts(request.start_from)
    data = _load(request, request.image_size)
    space = find_space(request.space, data.image_size)
    earlier = find_earlier_runs(request.learn_from, space)
    settings = replace(
        _settings(request, data, space, starts),
        learn_from=[run.to_json() for run in earlier],
    )
    return _begin(request, settings, data)


def _load(request: SearchRequest, image_size: int | None) -> SearchData:
    return load_search_data(request.data or "digits", image_size, request.data_options)


def _check_names(request: SearchRequest) -> None:
    """Check sampler, metric and reward, which can be done before the data is loaded."""
    check_end(request)
    metric_named(request.metric)
    import_data(request.data)
    check_sampler(_sampler(request))
    if request.learn_from and _sampler(request) not in LEARNING_SAMPLERS:
        raise UserError(
            f"--learn-from: not allowed together with --sampler {request.sampler}, "
            f"must be {' or '.join(LEARNING_SAMPLERS)}"
        )
    for path in request.learn_from:
        open_run(path, "--learn-from")
    check_recipe(request.recipe or DEFAULT_RECIPE, request.recipe_options)
    if is_own(request.reward or ""):
        import_named(request.reward or "", "--reward")
    try:
        parse_reward(request.reward or "product")
    except ValueError as error:
        raise UserError(f"--reward: {error}") from error


def _sampler(request: SearchRequest) -> str:
    """Return the sampler by its name: one that learns, if there is something to learn from."""
    return request.sampler or (LEARNING_SAMPLERS[0] if request.learn_from else "random")


def _find_starts(names: Sequence[Arch]) -> list[Architecture]:
    """Return the architectures of files and published names, each once, in their order.

    An architecture outside the space is evaluated like any other, but samplers do not learn from
    it.

    Raises:
        UserError: a name is neither a file nor a published name.
    """
    starts: dict[str, Architecture] = {}
    for name in names:
        architecture = find_architecture(name, "--start-from").architecture
        starts.setdefault(architecture.architecture_id, architecture)
    return list(starts.values())


def _settings(
    request: SearchRequest, data: SearchData, space: Space, starts: Sequence[Architecture] = ()
) -> SearchSettings:
    """Return the settings of a new run, with defaults for options that were not given."""
    metric = metric_named(request.metric)
    check_metric(metric, data.minival.labels, data.classes)
    has_time = request.hours is not None or request.until is not None
    budget = request.budget or (None if has_time else DEFAULT_BUDGET)
    share = 1.0 if request.data_share is None else request.data_share
    recipe = _recipe(request, max(1, round(share * len(data.training))))
    settings = SearchSettings(
        data=absolute_data(data.name),
        data_fingerprint=data.fingerprint(),
        image_size=data.image_size,
        classes=data.classes,
        in_channels=data.channels,
        space=write_space(space),
        sampler=_sampler(request),
        seed=request.seed or 0,
        budget=budget,
        max_failures=request.max_failures or max(10, (budget or _LARGE_BUDGET) // 2),
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        recipe=request.recipe or DEFAULT_RECIPE,
        recipe_options=request.recipe_options.given(),
        time_limit_s=request.time_limit_s or DEFAULT_TIME_LIMIT_S,
        max_parameters=request.max_parameters,
        max_step_time=request.max_step_time,
        max_memory_bytes=request.max_memory_bytes,
        is_compiled=bool(request.is_compiled),
        scheduler=request.scheduler or "none",
        bound=request.bound or "none",
        reward=request.reward or "product",
        minival=request.data_options.minival,
        background=request.data_options.background,
        min_per_class=request.min_per_class,
        minival_images=len(data.minival),
        guessing_accuracy=guessing_value(metric, data.minival.labels, data.classes),
        metric=metric.metric.name,
        baseline=request.baseline,
        price=request.price,
        per_gpu=request.per_gpu or 1,
        start_from=[architecture.to_json() for architecture in starts],
        data_share=share,
    )
    settings = settings.with_end(request.hours, request.until, 0.0, request.begun_at)
    check_pruners(settings.scheduler, settings.bound, settings.epochs)
    return with_confirmation(settings, request)


def _recipe(request: SearchRequest, images: int) -> Recipe:
    """Return the recipe of candidates; one of ours has ten epochs unless ``--epochs`` is given."""
    name = request.recipe or DEFAULT_RECIPE
    epochs = request.epochs or (proxy().epochs if name in PRESETS else None)
    try:
        return make_recipe(name, images, epochs, request.batch_size, request.recipe_options)
    except ValueError as error:
        raise UserError(f"--recipe: {error}") from error


def _begin(request: SearchRequest, settings: SearchSettings, data: SearchData) -> PreparedSearch:
    run = create_run(request.out, request.storage and absolute_storage_url(request.storage))
    with ExitStack() as opened:
        record = opened.enter_context(_create_record(run, settings))
        opened.enter_context(run.lock())
        metric = metric_named(request.metric)
        return PreparedSearch(
            run, record, settings, data, is_new=True, metric=metric, opened=opened.pop_all()
        )


def _create_record(run: RunDirectory, settings: SearchSettings) -> Record:
    try:
        return run.create_record(settings.to_json())
    except RecordError as error:
        if run.storage is None:
            raise
        raise UserError(
            f"--storage: {error}, must be a database's URL, such as postgresql://user@host/name"
        ) from error
