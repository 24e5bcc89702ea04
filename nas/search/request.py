"""What is asked of a search, and the search that is ready to run."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from nas.architectures import Arch
from nas.data.options import DataOptions
from nas.data.split import SearchData
from nas.errors import UserError
from nas.metrics.metric_function import ACCURACY, MetricFunction
from nas.run_directory import RunDirectory
from nas.search.settings import SearchSettings
from nas.search.wishes import Wishes
from nas.training.recipe_options import RecipeOptions
from results.closing import Closing
from results.control import Requests
from results.database import RecordError
from results.forecast import Plan
from results.record import Record
from search_space.space import Grid, Space


@dataclass(frozen=True)
class SearchRequest:
    """The options of ``nas search`` and ``nas.search``; None for those that were not given."""

    data: str | None = None
    minival: str | None = None
    background: str | None = None
    min_per_class: int | None = None
    baseline: int | None = None
    space: str | Space | None = None
    budget: int | None = None
    hours: float | None = None
    until: float | None = None
    price: float | None = None
    per_gpu: int | str | None = None
    epochs: int | None = None
    image_size: int | None = None
    data_share: float | None = None
    batch_size: int | None = None
    is_compiled: bool | None = None
    recipe: str | None = None
    recipe_options: RecipeOptions = field(default_factory=RecipeOptions)
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
    metric: str | None = None
    reward: str | None = None
    start_from: tuple[Arch, ...] = ()
    learn_from: tuple[Path, ...] = ()
    like: Path | None = None
    out: Path | None = None
    resume: Path | None = None
    storage: str | None = None
    begun_at: float = field(default_factory=time.time)  # Unix seconds

    @property
    def data_options(self) -> DataOptions:
        """Which images of the data to take, and how to decode them."""
        return DataOptions.given(self.minival, self.background, self.min_per_class)


@dataclass(frozen=True)
class PreparedSearch(Closing):
    """A search that is ready to run; it holds the run's lock and the record until it is closed."""

    run: RunDirectory
    record: Record
    settings: SearchSettings
    data: SearchData
    is_new: bool = False
    note: str | None = None  # on settings of another release
    metric: MetricFunction = ACCURACY
    opened: ExitStack = field(default_factory=ExitStack)

    def close(self) -> None:
        """Close the record and release the run's lock."""
        self.opened.close()

    @cached_property
    def grid(self) -> Grid:
        """The grid that candidates are proposed from."""
        return self.settings.grid

    @cached_property
    def plan(self) -> Plan:
        """What the search is to do, and until when."""
        return Plan.recorded(self.settings.to_json(), self.grid.size)

    @cached_property
    def wishes(self) -> Wishes:
        """What people ask of the search while it runs; a comparison draws its networks itself."""
        return Wishes(Requests(self.run.path), None if self.settings.comparison else self.grid)

    def remove_unless_begun(self) -> bool:
        """Remove a new run without a candidate, such as one that found no Ray; return whether so.

        A run that cannot be removed is left.
        """
        with suppress(OSError, RecordError):
            if self.is_new and not self.record.candidates():
                self.run.remove(self.record)
                return True
        return False


def check_end(request: SearchRequest) -> None:
    """Check that the end in time is asked for in one way; raise UserError otherwise."""
    if request.hours is not None and request.until is not None:
        raise UserError("--until: not allowed together with --hours, must be one of the two")


def with_confirmation(settings: SearchSettings, request: SearchRequest) -> SearchSettings:
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
