"""What a search was asked for, as it stands in the record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

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
    budget: int  # completed candidates
    max_failures: int
    epochs: int
    batch_size: int
    time_limit_s: float  # a candidate's

    @property
    def task(self) -> Task:
        """What the candidates are for."""
        return Task(self.classes, self.in_channels)

    def to_json(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SearchSettings:
        """What :meth:`to_json` gave."""
        return cls(**data)
