"""What a search was asked for, as it stands in the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from results.architecture_file import base_from_json
from reward.limits import Limits
from reward.objective import Objective, parse_reward
from scaling.coefficient_grid import CoefficientGrid
from search_space.architecture import Architecture
from search_space.space import Grid
from search_space.space_file import parse_space
from search_space.task import Task


@dataclass(frozen=True)
class SearchSettings:
    """All that decides which candidates a search evaluates and how."""

    data: str
    data_fingerprint: str
    image_size: int  # pixels
    classes: int
    in_channels: int
    space: str  # its YAML text
    sampler: str
    seed: int
    budget: int  # evaluated candidates, complete or stopped
    max_failures: int
    epochs: int
    batch_size: int
    time_limit_s: float  # a candidate's
    max_parameters: int | None = None
    max_step_time: float | None = None  # S/S0
    max_memory_bytes: int | None = None  # of a training step, at its peak
    scheduler: str = "none"
    bound: str = "none"
    confirm: int = 0  # candidates that are trained again at the end
    confirm_seeds: int = 2  # trainings more of each
    confirm_epochs: int | None = None  # of such a training, where not the candidates' own
    reward: str = "product"  # as reward.objective reads it
    start_from: Sequence[Mapping[str, Any]] = ()  # architectures that are evaluated first
    fit: Mapping[str, Any] | None = None  # the base whose alpha, beta and gamma are sought

    @property
    def grid(self) -> Grid:
        """What candidates are proposed from: the space, or the coefficients of ``fit``."""
        return CoefficientGrid(base_from_json(self.fit)) if self.fit else parse_space(self.space)

    @property
    def data_size(self) -> int:
        """The pixels that images are loaded at: the largest of any candidate."""
        grid = self.grid
        return grid.largest_image_size if isinstance(grid, CoefficientGrid) else self.image_size

    @property
    def task(self) -> Task:
        """What the candidates are for."""
        return Task(self.classes, self.in_channels)

    @property
    def limits(self) -> Limits:
        """What a candidate may cost at most."""
        return Limits(self.max_parameters, self.max_step_time, self.max_memory_bytes)

    @property
    def objective(self) -> Objective:
        """What a candidate is worth."""
        return parse_reward(self.reward)

    @property
    def starts(self) -> list[Architecture]:
        """What is evaluated first."""
        return [Architecture.from_json(architecture) for architecture in self.start_from]

    def to_json(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SearchSettings:
        """What :meth:`to_json` gave."""
        return cls(**data)


def objective_of(settings: Mapping[str, Any]) -> Objective:
    """What a run's candidates are worth, from its recorded settings, of an early release too."""
    return parse_reward(str(settings.get("reward", "product")))
