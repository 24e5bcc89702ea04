"""Random search without repetition: candidate i follows from the seed and i alone."""

from __future__ import annotations

from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas.search.samplers.domain import WALKED, Domain, SpaceExhausted, permuted
from search_space.space import Grid, Point


class PermutationSampler(BaseSampler):
    """Goes through the space's grid in a pseudo-random order.

    Each choice is uniform and independent of the others, as in random search, but no point comes
    twice, and trial i is the same whatever came before it: a resumed search needs no memory of
    it, and a small space is covered in as many trials as it has points.
    """

    def __init__(self, space: Grid, seed: int, domain: Domain | None = None) -> None:
        """``domain`` is left out where all of the space may be proposed."""
        self._space = space
        self._seed = seed
        self._domain = domain
        self._others = RandomSampler(seed)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Every choice of the space."""
        return dict(distributions(self._space))

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The grid's point for the trial's number; past its end the order begins again.

        Raises:
            SpaceUsedUp: nothing is left within the domain.
        """
        if self._domain is None:
            index = trial.number % self._space.grid_size
            return dict(self._space.at(permuted(index, self._space.grid_size, self._seed)))
        return dict(self._within(self._domain, study, trial.number))

    def _within(self, domain: Domain, study: Study, number: int) -> Point:
        """The first in the domain's own order that is open; a table's points in such an order."""
        size = self._space.grid_size if domain.points is None else len(domain.points)
        at = self._space.at if domain.points is None else domain.points.__getitem__
        seen = domain.seen(study, number)
        for i in range(min(size, WALKED)):
            point = at(permuted((number + i) % size, size, self._seed))
            if domain.is_open(point, seen):
                return point
        raise SpaceExhausted

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """A parameter that is not the space's."""
        return self._others.sample_independent(study, trial, param_name, param_distribution)


def distributions(space: Grid) -> dict[str, CategoricalDistribution]:
    """The space's point parameters as Optuna has them."""
    return {name: CategoricalDistribution(values) for name, values in space.options().items()}
