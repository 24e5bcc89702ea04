"""An architecture as numbers that a regression can learn accuracy and step time from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nas.search.samplers.domain import Domain, Key
from search_space.space import FlatParameters

_DRAWN = 300  # to know a feature's mean and deviation from


class Features:
    """The choices, the layers, and what is exact before any training: parameters by stage.

    For each stage one indicator for each operator, kernel and expansion, the same times the layers,
    and the layers; the stage's parameters as a root and as a logarithm; and the logarithm of the
    whole network's. Each is standardised over the space, not over what was observed, so that the
    small differences among the networks around a winner stay small.
    """

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._rows: dict[Key, NDArray[np.float64]] = {}

    def __call__(self, points: Sequence[FlatParameters]) -> NDArray[np.float64]:
        """(points, features); each different point is computed once."""
        mean, scale = self._standard
        return (np.array([self._row(flat) for flat in points]) - mean) / scale

    @cached_property
    def _standard(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Every feature's mean and deviation."""
        generator = np.random.default_rng(0)
        drawn = np.array([self._row(self._domain.uniform(generator)) for _ in range(_DRAWN)])
        scale = drawn.std(0)
        scale[scale < 1e-9] = 1.0  # the same for all
        return drawn.mean(0), scale

    def _row(self, flat: FlatParameters) -> NDArray[np.float64]:
        key = self._domain.key(flat)
        if key not in self._rows:
            self._rows[key] = self._compute(flat)
        return self._rows[key]

    def _compute(self, flat: FlatParameters) -> NDArray[np.float64]:
        architecture = self._domain.space.decode(flat)
        by_stage = iter(self._domain.parameters.by_stage(architecture))
        row: list[float] = []
        for i, choices in enumerate(self._domain.space.choices, 1):
            layers = int(flat[f"stage{i}.layers"])
            indicators = [
                float(layers > 0 and flat[f"stage{i}.{name}"] == value)
                for name, values in choices.options().items()
                if name != "layers"
                for value in values
            ]
            count = next(by_stage) if layers else 0
            row += [*indicators, *(layers * value for value in indicators), layers]
            row += [count**0.5, np.log1p(count)]
        return np.array([*row, np.log(self._domain.parameters(architecture))])
