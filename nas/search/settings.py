"""Settings of a search, as stored in the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from typing import Any

from nas.data.options import DataOptions
from nas.errors import first_of
from nas.search.earlier_runs import EarlierRun
from nas.training.recipe_options import RecipeOptions, find_recipe, make_recipe
from nas.training.recipes import Recipe
from results.architecture_file import base_from_json
from results.candidate import PROXY
from results.comparison import Comparison, Fidelity
from reward.limits import Limits
from reward.metric import ACCURACY
from reward.objective import Objective, parse_reward
from scaling.coefficient_grid import CoefficientGrid
from search_space.architecture import Architecture
from search_space.space import Grid
from search_space.space_file import parse_space
from search_space.task import Task

BASELINE = 3  # trainings of the backbone in a search of this budget or more:
FEWEST_FOR_BASELINE = 20


@dataclass(frozen=True)
class SearchSettings:
    """Everything that decides which candidates a search evaluates, and how."""

    data: str
    data_fingerprint: str
    image_size: int  # pixels
    classes: int
    in_channels: int
    space: str  # its YAML text
    sampler: str
    seed: int
    budget: int | None  # evaluated candidates, complete or stopped; None: as many as time allows
    max_failures: int
    epochs: int
    batch_size: int
    time_limit_s: float  # for one candidate
    max_parameters: int | None = None
    max_step_time: float | None = None  # S/S0
    max_memory_bytes: int | None = None  # peak of a training step
    scheduler: str = "none"
    bound: str = "none"
    confirm: int = 0  # candidates that are trained again at the end
    confirm_seeds: int = 2  # further trainings of each of them
    confirm_epochs: int | None = None  # of these trainings; None for ``epochs``
    recipe: str = "proxy"  # a name, or package.module:attribute
    recipe_options: Mapping[str, Any] = field(default_factory=dict)  # given ones, by name
    reward: str = "product"  # in the form that reward.objective parses
    minival: str = "auto"  # in the form that nas.data.minival parses
    background: str = "grey"  # in the form that nas.data.decode parses
    min_per_class: int | None = None
    minival_images: int | None = None
    guessing_accuracy: float | None = None  # the metric of guessing, by the classes' frequencies
    baseline: int | None = None  # trainings of the backbone; None for the default
    hours: float | None = None  # of the whole run, without pauses between its processes
    until: float | None = None  # Unix seconds when the last process ends; follows from hours
    is_compiled: bool = False  # each network, by torch.compile
    price: float | None = None  # of one worker's hour, in any currency
    per_gpu: int | str = 1  # candidates that train on a GPU at once, or "auto"
    start_from: Sequence[Mapping[str, Any]] = ()  # architectures evaluated first
    metric: str = ACCURACY  # by name; its value is each candidate's accuracy
    learn_from: Sequence[Mapping[str, Any]] = ()  # what earlier runs measured, with all of it
    fit: Mapping[str, Any] | None = None  # the base whose alpha, beta and gamma are searched
    data_share: float = 1.0  # of the training images that candidates are trained on
    proxy: Mapping[str, Any] | None = None  # of nas proxy: the comparison, see results.comparison

    @property
    def grid(self) -> Grid:
        """The space that candidates are proposed from, or the grid of coefficients with ``fit``."""
        return CoefficientGrid(base_from_json(self.fit)) if self.fit else parse_space(self.space)

    @property
    def data_size(self) -> int:
        """The image size in pixels to load, which is the largest of any candidate."""
        grid = self.grid
        if isinstance(grid, CoefficientGrid):
            return grid.largest_image_size
        sizes = (fidelity.image_size for fidelity in self.fidelities.values())
        return max(self.image_size, *sizes, 0)

    @property
    def fidelity(self) -> Fidelity:
        """The fidelity at which candidates are trained."""
        return Fidelity(self.epochs, self.image_size, self.data_share)

    @property
    def comparison(self) -> Comparison | None:
        """What ``nas proxy`` compares; None in a search."""
        return Comparison.recorded({"proxy": self.proxy})

    @property
    def fidelities(self) -> dict[str, Fidelity]:
        """The fidelities of ``nas proxy``, by name; the run's own stands among them."""
        comparison = self.comparison
        if comparison is None:
            return {}
        return {PROXY: self.fidelity, **comparison.fidelities}

    @property
    def data_options(self) -> DataOptions:
        """Which images of the data are taken, and how they are decoded."""
        return DataOptions(self.minival, self.background, self.min_per_class)

    @property
    def task(self) -> Task:
        """The classification task."""
        return Task(self.classes, self.in_channels)

    @property
    def limits(self) -> Limits:
        """The limits that a candidate must keep."""
        return Limits(self.max_parameters, self.max_step_time, self.max_memory_bytes)

    @property
    def baseline_trainings(self) -> int:
        """How often the backbone is trained, besides the budget, to compare candidates with it."""
        if self.fit is not None:  # its candidates have twice the cost of the base
            return 0
        if self.proxy is not None:  # networks of its own are trained again instead
            return 0
        is_small = self.budget is not None and self.budget < FEWEST_FOR_BASELINE
        default = 0 if is_small else BASELINE
        return default if self.baseline is None else self.baseline

    @property
    def objective(self) -> Objective:
        """The function that gives a candidate's reward."""
        return parse_reward(self.reward)

    def training_recipe(self, images: int) -> Recipe:
        """Return the recipe that candidates are trained by, with so many images in the whole.

        Raises:
            ValueError: there is no such recipe; the message is one line.
        """
        options = RecipeOptions.from_json(self.recipe_options)
        images = max(1, round(self.data_share * images))
        recipe = make_recipe(self.recipe, images, self.epochs, self.batch_size, options)
        return replace(
            recipe,
            epochs=self.epochs,
            batch_size=self.batch_size,
            is_compiled=self.is_compiled,
        )

    @property
    def starts(self) -> list[Architecture]:
        """The architectures that are evaluated first."""
        return [Architecture.from_json(architecture) for architecture in self.start_from]

    @property
    def earlier_runs(self) -> list[EarlierRun]:
        """The runs that the sampler learns from."""
        options = self.grid.options()
        return [EarlierRun.from_json(run, options) for run in self.learn_from]

    def check(self) -> None:
        """Read what is stored in other forms than ours.

        Raises:
            KeyError, TypeError, ValueError: something of it is wrong, or beyond its bound.
        """
        _ = self.objective, self.data_size, self.starts, self.earlier_runs, self.fidelities
        find_recipe(self.recipe)
        RecipeOptions.from_json(self.recipe_options)

    def with_end(
        self, hours: float | None, until: float | None, worked_s: float, now: float
    ) -> SearchSettings:
        """Return the settings with the moment at which a process ends that begins now.

        A given ``hours`` counts from now, else what is left of earlier ones does; a given ``until``
        replaces both. The run has ``worked_s`` behind it. Moments are Unix seconds.
        """
        if until is not None:
            return replace(self, hours=None, until=until)
        hours = self.hours if hours is None else hours + worked_s / 3600
        if hours is None:
            return self
        return replace(self, hours=hours, until=now + 3600 * hours - worked_s)

    def to_json(self) -> dict[str, Any]:
        """Return the settings in JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SearchSettings:
        """Return the settings that :meth:`to_json` wrote, also in another release.

        Settings that this release does not know are passed over; those that it added have defaults.

        Raises:
            ValueError: a setting is missing that every release writes.
        """
        missing = [
            f.name
            for f in fields(cls)
            if f.default is MISSING and f.default_factory is MISSING and f.name not in data
        ]
        if missing:
            raise ValueError(f"the settings lack {', '.join(missing)}")
        return cls(**{f.name: data[f.name] for f in fields(cls) if f.name in data})


def note_on_release(recorded: Mapping[str, Any]) -> str | None:
    """Return a line on recorded settings of another release; None if they are of this one."""
    names = [f.name for f in fields(SearchSettings)]
    unknown = [name for name in recorded if name not in names]
    missing = [name for name in names if name not in recorded]
    parts = [
        *([f"{first_of(unknown, len(unknown))} kept, without effect here"] if unknown else []),
        *([f"{first_of(missing, len(missing))} set to the default"] if missing else []),
    ]
    return f"settings of another release: {'; '.join(parts)}" if parts else None
