"""Open a run to go on with it: its settings, with those that may change, and its data."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from nas.architectures import check_operators, find_space
from nas.data.given import import_data
from nas.data.load import load_search_data
from nas.data.moved import load_recorded
from nas.data.split import SearchData
from nas.errors import UserError
from nas.imports import import_named
from nas.metrics.metric_function import MetricFunction
from nas.metrics.registry import check_metric, guessing_value, recorded_function
from nas.run_directory import open_run
from nas.search.request import PreparedSearch, SearchRequest, check_end, with_confirmation
from nas.search.settings import SearchSettings, note_on_release
from results.forecast import worked_s
from reward.objective import is_own
from search_space.named import NotImported
from search_space.space import Space
from search_space.space_file import write_space

# Settings that a resumed run cannot change, with their options.
_FIXED_OPTIONS = {
    "image_size": "--image-size",
    "minival": "--minival",
    "background": "--background",
    "min_per_class": "--min-per-class",
    "data_share": "--data-share",
    "epochs": "--epochs",
    "batch_size": "--batch-size",
    "is_compiled": "--compile",
    "recipe": "--recipe",
    "sampler": "--sampler",
    "seed": "--seed",
    "scheduler": "--scheduler",
    "bound": "--bound",
    "max_parameters": "--max-params",
    "max_step_time": "--max-step-time",
    "max_memory_bytes": "--max-memory",
    "metric": "--metric",
    "reward": "--reward",
}


def prepare_resumed(
    request: SearchRequest,
    path: Path,
    change: Callable[[SearchSettings], SearchSettings] | None = None,
) -> PreparedSearch:
    """Open the run and load its data.

    ``change`` is what ``nas proxy`` changes of its own settings; without it, the run must be one of
    a search.

    Raises:
        UserError: an option contradicts the run, or another search is running in it.
        RecordError: the record cannot be opened or written.
    """
    run = open_run(path, "--resume")
    _import_named(request)
    with ExitStack() as opened:
        opened.enter_context(run.lock())  # before anything is read, or changed
        record = opened.enter_context(run.reopen_record())
        recorded = record.settings()
        try:
            settings = SearchSettings.from_json(recorded)
            settings.check()
            check_operators(settings.grid, settings.starts)
        except NotImported as error:
            raise UserError(f"--resume: {path}: {error}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"--resume: {path}: {error}", exit_code=1) from error
        _check_kind(settings, path, is_comparison=change is not None)
        metric = recorded_function(settings.metric, f"--resume: {path}")
        settings, data = _resumed(request, path, settings, metric)
        settings = change(settings) if change else settings
        worked = worked_s(record.candidates())
        settings = settings.with_end(request.hours, request.until, worked, request.begun_at)
        record.change_settings({**recorded, **settings.to_json()})
        note = note_on_release(recorded)
        return PreparedSearch(
            run, record, settings, data, note=note, metric=metric, opened=opened.pop_all()
        )


def _check_kind(settings: SearchSettings, path: Path, is_comparison: bool) -> None:
    """Check that the run is one of ``nas proxy``, or none; raise UserError otherwise."""
    if (settings.proxy is not None) != is_comparison:
        kind, command = ("search", "search") if is_comparison else ("comparison", "proxy")
        raise UserError(
            f"--resume: got {path}, a {kind}; go on with: nas {command} --resume {path}"
        )


def _import_named(request: SearchRequest) -> None:
    """Import the modules of what the user names in this command, though the run holds the names."""
    import_named(request.metric or "", "--metric")
    import_named(request.recipe or "", "--recipe")
    import_named(request.sampler or "", "--sampler")
    if is_own(request.reward or ""):
        import_named(request.reward or "", "--reward")
    import_data(request.data)


def _resumed(
    request: SearchRequest, path: Path, settings: SearchSettings, metric: MetricFunction
) -> tuple[SearchSettings, SearchData]:
    """Return the settings of a run with those that the request changes, and the run's data."""
    _check_agreement(request, settings, path)
    # These may change, since they decide when the search ends, not how a candidate is evaluated.
    for name in ("budget", "max_failures", "time_limit_s", "baseline", "price", "per_gpu"):
        value = getattr(request, name)
        settings = settings if value is None else replace(settings, **{name: value})
    settings = with_confirmation(settings, request)
    place, data = load_recorded(
        path,
        settings.data,
        request.data,
        settings.data_fingerprint,
        lambda spec: load_search_data(spec, settings.data_size, settings.data_options),
    )
    check_metric(metric, data.minival.labels, data.classes, f"--resume: {path}")
    settings = replace(
        settings,
        data=place,
        minival_images=len(data.minival),  # not in the records of earlier releases
        guessing_accuracy=guessing_value(metric, data.minival.labels, data.classes),
    )
    return settings, data


def _check_agreement(request: SearchRequest, settings: SearchSettings, path: Path) -> None:
    """Check that no option contradicts the run to resume; raise UserError otherwise."""
    check_end(request)
    if request.out is not None or request.storage is not None:
        raise UserError(
            "--resume: not allowed together with --out or --storage, as a run cannot be moved"
        )
    for name, option in _FIXED_OPTIONS.items():
        wanted: Any = getattr(request, name)
        recorded = getattr(settings, name)
        if wanted is not None and wanted != recorded:
            raise UserError(f"{option}: got {wanted!r}, but {path} was begun with {recorded!r}")
    _check_recipe_options(request, settings, path)
    beginnings = {
        "--start-from": request.start_from,
        "--learn-from": request.learn_from,
        "--like": request.like,
    }
    for option, given in beginnings.items():
        if given:
            raise UserError(
                f"{option}: not allowed together with --resume, as the run has begun already"
            )
    _check_space(request, settings, path)


def _check_space(request: SearchRequest, settings: SearchSettings, path: Path) -> None:
    if request.space is not None and settings.fit is not None:
        raise UserError(f"--space: not allowed here, as {path} is a run of nas scale --fit")
    if request.space is not None:
        space = find_space(request.space, settings.image_size)
        if write_space(space) != settings.space:
            raise UserError(
                f"--space: got {_shown(request.space)}, but {path} was begun with another space"
            )


def _check_recipe_options(request: SearchRequest, settings: SearchSettings, path: Path) -> None:
    """Check that no option of the recipe contradicts the run."""
    recorded = settings.recipe_options
    for name, wanted in request.recipe_options.given().items():
        if wanted != recorded.get(name):
            begun = recorded.get(name, "the recipe's")
            raise UserError(f"--{name}: got {wanted!r}, but {path} was begun with {begun!r}")


def _shown(space: str | Space) -> str:
    return repr(space.name if isinstance(space, Space) else space)
