"""EfficientNet's grid of alpha, beta and gamma on a base of one's own (arXiv 1905.11946, 3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from scaling.families import by_compound
from scaling.scaled import Base, Scaled
from search_space.architecture import Architecture
from search_space.choices import Choice
from search_space.space import Point

STEP = 0.05
TOLERANCE = 0.1
"""How far alpha * beta^2 * gamma^2 may be from 2; the paper's own 1.2, 1.1, 1.15 make 1.92."""
_VALUES = tuple(round(1 + STEP * i, 2) for i in range(21))  # 1 to 2


@dataclass(frozen=True)
class CoefficientGrid:
    """All ways to spend twice the multiply-adds on depth, width and resolution.

    Points are alpha, beta, gamma >= 1 in steps of 0.05 with alpha * beta^2 * gamma^2 within 0.1 of
    2, at phi = 1. Layers, channels and pixels are whole, so several points may make one network at
    one size: of these the one whose product is nearest to 2 is kept, so no two candidates are the
    same.
    """

    base: Base

    @property
    def name(self) -> str:
        """Such as ``candidate-16 by alpha, beta, gamma``."""
        return f"{self.base.name} by alpha, beta, gamma"

    @property
    def backbone(self) -> Architecture:
        """The base."""
        return self.base.architecture

    @property
    def size(self) -> int:
        """The number of different candidates."""
        return len(self._points)

    @property
    def grid_size(self) -> int:
        """Likewise."""
        return len(self._points)

    @property
    def largest_image_size(self) -> int:
        """In pixels, of all candidates and the base."""
        scaled = (self._scaled(point).sizes.train for point in self._points)
        return max(self.base.sizes.train, *scaled)

    def options(self) -> dict[str, tuple[Choice, ...]]:
        """The values of alpha, beta and gamma that occur."""
        names = ("alpha", "beta", "gamma")
        return {name: tuple(sorted({point[name] for point in self._points})) for name in names}

    def at(self, index: int) -> Point:
        """The point of that number, from 0 to ``grid_size - 1``."""
        return dict(self._points[index])

    def decode(self, point: Mapping[str, Choice]) -> Architecture:
        """The base, deeper by alpha and wider by beta."""
        return self._scaled(point).architecture

    def image_size(self, point: Mapping[str, Choice]) -> int:
        """The base's training size times gamma, in pixels."""
        return self._scaled(point).sizes.train

    def point_of(self, architecture: Architecture) -> Point:
        """Empty: a network does not tell its image size."""
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

    def _scaled(self, point: Mapping[str, Choice]) -> Scaled:
        alpha, beta, gamma = (float(point[name]) for name in ("alpha", "beta", "gamma"))
        return by_compound(self.base, alpha, beta, gamma, phi=1)


def _excess(alpha: float, beta: float, gamma: float) -> float:
    """How far the three are from twice the multiply-adds."""
    return abs(alpha * beta**2 * gamma**2 - 2)
