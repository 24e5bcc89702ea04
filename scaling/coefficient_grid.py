"""The grid of alpha, beta and gamma that EfficientNet searches on a base (1905.11946, 3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from scaling.families import by_compound
from scaling.scaled import Base, Scaled
from search_space.architecture import Architecture
from search_space.choices import Option
from search_space.space import Point

STEP = 0.05
# Allowed distance of alpha * beta^2 * gamma^2 from 2. The paper's 1.2, 1.1 and 1.15 give 1.92.
TOLERANCE = 0.1
_VALUES = tuple(round(1 + STEP * i, 2) for i in range(21))  # 1 to 2


@dataclass(frozen=True)
class CoefficientGrid:
    """The ways to spend twice the multiply-adds on depth, width and resolution, as a search's grid.

    Points are alpha, beta, gamma >= 1 in steps of 0.05 with alpha * beta^2 * gamma^2 within 0.1 of
    2, at phi = 1. Because layers, channels and pixels are rounded, several points can give the same
    network at the same size. Of these the grid keeps only the one whose product is nearest to 2.
    """

    base: Base

    @property
    def name(self) -> str:
        """The name of the grid, such as ``candidate-16 by alpha, beta, gamma``."""
        return f"{self.base.name} by alpha, beta, gamma"

    @property
    def backbone(self) -> Architecture:
        """The base's architecture."""
        return self.base.architecture

    @property
    def size(self) -> int:
        """The number of different candidates."""
        return len(self._points)

    @property
    def grid_size(self) -> int:
        """The number of points, each of which is a different candidate."""
        return len(self._points)

    @property
    def largest_image_size(self) -> int:
        """The largest training size of the candidates and the base, in pixels."""
        scaled = (self._scaled(point).sizes.train for point in self._points)
        return max(self.base.sizes.train, *scaled)

    def options(self) -> dict[str, tuple[Option, ...]]:
        """Return the values that alpha, beta and gamma take in the grid."""
        names = ("alpha", "beta", "gamma")
        return {name: tuple(sorted({point[name] for point in self._points})) for name in names}

    def at(self, index: int) -> Point:
        """Return the point with this index, from 0 to ``grid_size - 1``."""
        return dict(self._points[index])

    def decode(self, point: Mapping[str, Option]) -> Architecture:
        """Return the base, deeper by alpha and wider by beta."""
        return self._scaled(point).architecture

    def image_size(self, point: Mapping[str, Option]) -> int:
        """Return the base's training size times gamma, in pixels."""
        return self._scaled(point).sizes.train

    def point_of(self, architecture: Architecture) -> Point:
        """Return an empty point, since a network alone does not determine gamma."""
        return {}

    @cached_property
    def _points(self) -> tuple[Point, ...]:
        points = [
            (alpha, beta, gamma)
            for alpha, beta, gamma in product(_VALUES, repeat=3)
            if _excess(alpha, beta, gamma) <= TOLERANCE + 1e-9
        ]
        kept: dict[tuple[str, int], Point] = {}
        for alpha, beta, gamma in sorted(points, key=lambda each: (_excess(*each), each)):
            point: Point = {"alpha": alpha, "beta": beta, "gamma": gamma}
            scaled = self._scaled(point)
            kept.setdefault((scaled.architecture.architecture_id, scaled.sizes.train), point)
        return tuple(kept.values())

    def _scaled(self, point: Mapping[str, Option]) -> Scaled:
        alpha, beta, gamma = (float(point[name]) for name in ("alpha", "beta", "gamma"))
        return by_compound(self.base, alpha, beta, gamma, phi=1)


def _excess(alpha: float, beta: float, gamma: float) -> float:
    """Return the distance of the factor on multiply-adds from 2."""
    return abs(alpha * beta**2 * gamma**2 - 2)
