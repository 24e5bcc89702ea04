"""What a search was asked for, as it stands in the record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class SearchSettings:
    """All that decides which candidates a search evaluates and how."""

    data: str
    data_fingerprint: str
    image_size: int  # pixels
    space: str  # its YAML text
    sampler: str
    seed: int
    budget: int  # completed candidates
    max_failures: int
    epochs: int
    batch_size: int
    time_limit_s: float  # a candidate's

    def to_json(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SearchSettings:
        """What :meth:`to_json` gave."""
        return cls(**data)
