"""Regularized evolution (Real et al., 2018, arXiv:1802.01548): the oldest network dies first."""

from __future__ import annotations

from nas.search.samplers.base import PointSampler, SamplerState
from nas.search.samplers.domain import Domain
from search_space.space import Point


class EvolutionSampler(PointSampler):
    """Mutates the best of a random sample of the most recent trials (section 2.2, algorithm 1).

    The population is the last ``population`` trials that ended with a reward. The parent is the
    best of ``tournament`` of them, drawn at random; the child is one of its neighbours in the
    space. The paper uses 100 and 25 for 20,000 networks; the defaults here suit some hundreds.
    """

    def __init__(self, domain: Domain, population: int = 25, tournament: int = 8) -> None:
        super().__init__(domain)
        self._population = population
        self._tournament = tournament

    def propose(self, state: SamplerState) -> Point:
        """Return a random point until the first population is full, then a mutation."""
        rewarded = [trial for trial in state.history if trial.value is not None]
        generator = state.generator
        if len(rewarded) < self._population:
            return self.domain.uniform(generator)
        population = rewarded[-self._population :]
        drawn = generator.choice(len(population), self._tournament, replace=False)
        parent = max((population[i] for i in drawn), key=lambda trial: trial.value or 0.0)
        children = self.domain.neighbours(parent.point)
        return children[generator.integers(len(children))]
