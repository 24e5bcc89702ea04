"""Prepare a search: check the options, load the data, create or open the run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nas.architectures import find_architecture, find_space
from nas.data.load import absolute_data, load_search_data
from nas.data.minival import guessing_accuracy
from nas.data.moved import load_recorded
from nas.data.options import DataOptions
from nas.data.split import SearchData
from nas.errors import UserError
from nas.search.pruners.base import check_pruners
from nas.search.run_directory import RunDirectory, absolute_storage_url, create_run, open_run
from nas.search.samplers.registry import check_sampler
from nas.search.settings import SearchSettings, note_on_release
from nas.training.recipes import proxy, proxy_batch_size
from results.architecture_file import ArchitectureFile, base_json
from results.database import RecordError
from results.forecast import worked_s
from results.record import Record
from reward.objective import parse_reward
from scaling.coefficient_grid import CoefficientGrid
from scaling.scaled import Base, ImageSizes
from search_space.architecture import Architecture, InvalidArchitecture
from search_space.bounds import OutOfBounds
from search_space.choices import InvalidSpace
from search_space.space import Grid, Space
from search_space.space_file import write_space

DEFAULT_BUDGET = 100
DEFAULT_TIME_LIMIT_S = 3600.0

# Settings that a resumed run cannot change, with their options.
_FIXED_OPTIONS = {
    "image_size": "--image-size",
    "minival": "--minival",
    "background": "--background",
    "min_per_class": "--min-per-class",
    "epochs": "--epochs",
    "batch_size": "--batch-size",
    "sampler": "--sampler",
    "seed": "--seed",
    "scheduler": "--scheduler",
    "bound": "--bound",
    "max_parameters": "--max-params",
    "max_step_time": "--max-step-time",
    "max_memory_bytes": "--max-memory",
    "reward": "--reward",
}


@dataclass(frozen=True)
class SearchRequest:
    """The options of ``nas search``; None for those that were not given."""

    data: str | None = None
    minival: str | None = None
    background: str | None = None
    min_per_class: int | None = None
    baseline: int | None = None
    space: str | None = None
    budget: int | None = None
    hours: float | None = None
    until: float | None = None
    price: float | None = None
    epochs: int | None = None
    image_size: int | None = None
    batch_size: int | None = None
    sampler: str | None = None
    seed: int | None = None
    time_limit_s: float | None = None
    max_failures: int | None = None
    max_parameters: int | None = None
    max_step_time: float | None = None
    max_memory_bytes: int | None = None
    scheduler: str | None = None
    bound: str | None = None
    confirm: int | None = None
    confirm_seeds: int | None = None
    confirm_epochs: int | None = None
    reward: str | None = None
    start_from: tuple[str, ...] = ()
    out: Path | None = None
    resume: Path | None = None
    storage: str | None = None
    begun_at: float = field(default_factory=time.time)  # Unix seconds

    @property
    def data_options(self) -> DataOptions:
        """Which images of the data to take, and how to decode them."""
        return DataOptions.given(self.minival, self.background, self.min_per_class)


@dataclass(frozen=True)
class PreparedSearch:
    """A search that is ready to run; it holds the run's lock and the record until it is closed."""

    run: RunDirectory
    record: Record
    settings: SearchSettings
    data: SearchData
    is_new: bool = False
    note: str | None = None  # on settings of another release
    opened: ExitStack = field(default_factory=ExitStack)

    def close(self) -> None:
        """Close the record and release the run's lock."""
        self.opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @cached_property
    def grid(self) -> Grid:
        """The grid that candidates are proposed from."""
        return self.settings.grid

    def remove_unless_begun(self) -> bool:
        """Remove a new run without a candidate, such as one that found no Ray; return whether so.

        A run that cannot be removed is left.
        """
        with suppress(OSError, RecordError):
            if self.is_new and not self.record.candidates():
                self.run.remove(self.record)
                return True
        return False


def prepare(request: SearchRequest) -> PreparedSearch:
    """Create a new run, or open the one to resume, and load its data.

    Raises:
        UserError: an option is not valid, or contradicts the run to resume.
        RecordError: the record cannot be opened or written.
    """
    return _prepare_resumed(request, request.resume) if request.resume else _prepare_new(request)


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


def _prepare_new(request: SearchRequest) -> PreparedSearch:
    _check_names(request)
    starts = _find_starts(request.start_from)
    data = _load(request, request.image_size)
    space = find_space(request.space, data.image_size)
    return _begin(request, _settings(request, data, space, starts), data)


def _load(request: SearchRequest, image_size: int | None) -> SearchData:
    return load_search_data(request.data or "digits", image_size, request.data_options)


def _check_names(request: SearchRequest) -> None:
    """Check sampler and reward, which can be done before the data is loaded."""
    _check_end(request)
    check_sampler(request.sampler or "random")
    try:
        parse_reward(request.reward or "product")
    except ValueError as error:
        raise UserError(f"--reward: {error}") from error


def _check_end(request: SearchRequest) -> None:
    if request.hours is not None and request.until is not None:
        raise UserError("--until: not allowed together with --hours, must be one of the two")


def _find_starts(names: Sequence[str]) -> list[Architecture]:
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
    has_time = request.hours is not None or request.until is not None
    settings = SearchSettings(
        data=absolute_data(data.name),
        data_fingerprint=data.fingerprint(),
        image_size=data.image_size,
        classes=data.classes,
        in_channels=data.channels,
        space=write_space(space),
        sampler=request.sampler or "random",
        seed=request.seed or 0,
        budget=request.budget or (None if has_time else DEFAULT_BUDGET),
        max_failures=request.max_failures or max(10, (request.budget or DEFAULT_BUDGET) // 2),
        epochs=request.epochs or proxy().epochs,
        batch_size=request.batch_size or proxy_batch_size(len(data.training)),
        time_limit_s=request.time_limit_s or DEFAULT_TIME_LIMIT_S,
        max_parameters=request.max_parameters,
        max_step_time=request.max_step_time,
        max_memory_bytes=request.max_memory_bytes,
        scheduler=request.scheduler or "none",
        bound=request.bound or "none",
        reward=request.reward or "product",
        minival=request.data_options.minival,
        background=request.data_options.background,
        min_per_class=request.min_per_class,
        minival_images=len(data.minival),
        guessing_accuracy=guessing_accuracy(data.minival.labels),
        baseline=request.baseline,
        price=request.price,
        start_from=[architecture.to_json() for architecture in starts],
    )
    settings = settings.with_end(request.hours, request.until, 0.0, request.begun_at)
    check_pruners(settings.scheduler, settings.bound, settings.epochs)
    return _with_confirmation(settings, request)


def _with_confirmation(settings: SearchSettings, request: SearchRequest) -> SearchSettings:
    """Return the settings with the request's ``--confirm`` options, which may change on resume."""
    given = {
        name: value
        for name in ("confirm", "confirm_seeds", "confirm_epochs")
        if (value := getattr(request, name)) is not None
    }
    settings = replace(settings, **given)
    if given and not settings.confirm:
        option = "--" + next(iter(given)).replace("_", "-")
        raise UserError(f"{option}: only allowed together with --confirm")
    return settings


def _begin(request: SearchRequest, settings: SearchSettings, data: SearchData) -> PreparedSearch:
    run = create_run(request.out, request.storage and absolute_storage_url(request.storage))
    with ExitStack() as opened:
        record = opened.enter_context(_create_record(run, settings))
        opened.enter_context(run.lock())
        return PreparedSearch(run, record, settings, data, is_new=True, opened=opened.pop_all())


def _create_record(run: RunDirectory, settings: SearchSettings) -> Record:
    try:
        return run.create_record(settings.to_json())
    except RecordError as error:
        if run.storage is None:
            raise
        raise UserError(
            f"--storage: {error}, must be a database's URL, such as postgresql://user@host/name"
        ) from error


def _prepare_resumed(request: SearchRequest, path: Path) -> PreparedSearch:
    run = open_run(path, "--resume")
    with ExitStack() as opened:
        opened.enter_context(run.lock())  # before anything is read, or changed
        record = opened.enter_context(run.reopen_record())
        recorded = record.settings()
        try:
            settings = SearchSettings.from_json(recorded)
            settings.check()
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"--resume: {path}: {error}", exit_code=1) from error
        settings, data = _resumed(request, path, settings)
        worked = worked_s(record.candidates())
        settings = settings.with_end(request.hours, request.until, worked, request.begun_at)
        record.change_settings({**recorded, **settings.to_json()})
        note = note_on_release(recorded)
        return PreparedSearch(run, record, settings, data, note=note, opened=opened.pop_all())


def _resumed(
    request: SearchRequest, path: Path, settings: SearchSettings
) -> tuple[SearchSettings, SearchData]:
    """Return the settings of a run with those that the request changes, and the run's data."""
    _check_agreement(request, settings, path)
    # These may change, since they decide when the search ends, not how a candidate is evaluated.
    for name in ("budget", "max_failures", "time_limit_s", "baseline", "price"):
        value = getattr(request, name)
        settings = settings if value is None else replace(settings, **{name: value})
    settings = _with_confirmation(settings, request)
    place, data = load_recorded(
        path,
        settings.data,
        request.data,
        settings.data_fingerprint,
        lambda spec: load_search_data(spec, settings.data_size, settings.data_options),
    )
    settings = replace(
        settings,
        data=place,
        minival_images=len(data.minival),  # not in the records of earlier releases
        guessing_accuracy=guessing_accuracy(data.minival.labels),
    )
    return settings, data


def _check_agreement(request: SearchRequest, settings: SearchSettings, path: Path) -> None:
    """Check that no option contradicts the run to resume; raise UserError otherwise."""
    _check_end(request)
    if request.out is not None or request.storage is not None:
        raise UserError(
            "--resume: not allowed together with --out or --storage, as a run cannot be moved"
        )
    for name, option in _FIXED_OPTIONS.items():
        wanted: Any = getattr(request, name)
        recorded = getattr(settings, name)
        if wanted is not None and wanted != recorded:
            raise UserError(f"{option}: got {wanted!r}, but {path} was begun with {recorded!r}")
    if request.start_from:
        raise UserError(
            "--start-from: not allowed together with --resume, as the run has begun already"
        )
    if request.space is not None and settings.fit is not None:
        raise UserError(f"--space: not allowed here, as {path} is a run of nas scale --fit")
    if request.space is not None:
        space = find_space(request.space, settings.image_size)
        if write_space(space) != settings.space:
            raise UserError(
                f"--space: got {request.space!r}, but {path} was begun with another space"
            )
