"""What a search proposes from: choices by name, and the networks that they make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from search_space.architecture import Architecture
from search_space.choices import Choice
from search_space.space import FlatParameters


class Grid(Protocol):
    """Points, each a value for every one of some named choices."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def backbone(self) -> Architecture:
        """The network that step time and parameters are measured against."""

    @property
    def size(self) -> int:
        """The number of different candidates."""

    @property
    def grid_size(self) -> int:
        """The number of points."""

    def parameters(self) -> dict[str, tuple[Choice, ...]]:
        """Every choice's options by its name."""

    def at(self, index: int) -> FlatParameters:
        """The point of that number, from 0 to ``grid_size - 1``."""

    def decode(self, flat: Mapping[str, Choice]) -> Architecture:
        """The network of a point."""

    def image_size(self, flat: Mapping[str, Choice]) -> int | None:
        """The pixels that the network of a point is trained at; None where they are the run's."""

    def point_of(self, architecture: Architecture) -> FlatParameters:
        """The point that a network alone tells; empty if it tells none."""
