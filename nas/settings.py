"""What a search was asked for, as it stands in the record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from reward.limits import Limits
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

    @property
    def task(self) -> Task:
        """What the candidates are for."""
        return Task(self.classes, self.in_channels)

    @property
    def limits(self) -> Limits:
        """What a candidate may cost at most."""
        return Limits(self.max_parameters, self.max_step_time, self.max_memory_bytes)

    def to_json(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SearchSettings:
        """What :meth:`to_json` gave."""
        return cls(**data)
