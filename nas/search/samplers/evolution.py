"""Regularized evolution: the oldest dies, whatever its worth (Real et al., 1802.01548)."""

from __future__ import annotations

from nas.search.samplers.base import PointSampler, SamplerState
from nas.search.samplers.domain import Domain
from search_space.space import Point


class EvolutionSampler(PointSampler):
    """Mutates the best of a few drawn from the youngest (section 2.2, algorithm 1).

    The population is the last ``population`` trials that ended with a reward; a tournament of
    ``tournament`` of them chooses the parent, and a neighbour of it in the space is the child. The
    paper's 100 and 25 are for 20,000 networks; these are for hundreds.
    """

    def __init__(self, domain: Domain, population: int = 25, tournament: int = 8) -> None:
        super().__init__(domain)
        self._population = population
        self._tournament = tournament

    def propose(self, situation: SamplerState) -> Point:
        """Chance until the first population is full, then a mutation."""
        valued = [each for each in situation.history if each.value is not None]
        generator = situation.generator
        if len(valued) < self._population:
            return self.domain.uniform(generator)
        youngest = valued[-self._population :]
        drawn = generator.choice(len(youngest), self._tournament, replace=False)
        parent = max((youngest[i] for i in drawn), key=lambda each: each.value or 0.0)
        children = self.domain.neighbours(parent.point)
        return children[generator.integers(len(children))]
