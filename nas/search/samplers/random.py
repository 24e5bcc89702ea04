"""Random search without repetition: candidate i depends on the seed and on i only."""

from __future__ import annotations

from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas.search.samplers.domain import MAX_POINTS_EXAMINED, Domain, SpaceExhausted, permuted
from search_space.space import Grid, Point


class PermutationSampler(BaseSampler):
    """Proposes the points of the space's grid in a pseudo-random order.

    Each choice is uniform and independent of the others, as in random search, but no point is
    proposed twice. Trial i does not depend on earlier trials, so a resumed search needs no state,
    and a space is covered in as many trials as it has points.
    """

    def __init__(self, space: Grid, seed: int, domain: Domain | None = None) -> None:
        """Without a ``domain``, every point of the space may be proposed."""
        self._space = space
        self._seed = seed
        self._domain = domain
        self._independent = RandomSampler(seed)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the distribution of every choice of the space."""
        return dict(distributions(self._space))

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the point for the trial's number; after the last point the order starts again.

        Raises:
            SpaceExhausted: no open point is left in the domain.
        """
        if self._domain is None:
            index = trial.number % self._space.grid_size
            return dict(self._space.at(permuted(index, self._space.grid_size, self._seed)))
        return dict(self._next_open_point(self._domain, study, trial.number))

    def _next_open_point(self, domain: Domain, study: Study, number: int) -> Point:
        """Return the first open point in the pseudo-random order, starting at ``number``."""
        size = self._space.grid_size if domain.points is None else len(domain.points)
        point_at = self._space.at if domain.points is None else domain.points.__getitem__
        seen = domain.seen(study, number)
        for i in range(min(size, MAX_POINTS_EXAMINED)):
            point = point_at(permuted((number + i) % size, size, self._seed))
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
        """Sample a parameter outside the space at random."""
        return self._independent.sample_independent(study, trial, param_name, param_distribution)


def distributions(space: Grid) -> dict[str, CategoricalDistribution]:
    """Return the space's choices as Optuna distributions, by name."""
    return {name: CategoricalDistribution(values) for name, values in space.options().items()}
