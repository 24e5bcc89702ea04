"""Optuna's own samplers, made to follow from the seed and the record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from nas.search.samplers.domain import TRIES, Domain
from nas.search.samplers.random import distributions
from nas.search.seeds import candidate_seed
from search_space.space import FlatParameters

Make = Callable[[int], BaseSampler]


class PerTrial(BaseSampler):
    """A sampler that is made anew for each trial, from a seed that its number decides.

    Optuna's samplers go on with one generator from trial to trial, so where they stand would be
    lost with the process; what else they know is in the study. What they propose again is
    replaced, as :meth:`nas.search.samplers.domain.Domain.settled` says.
    """

    def __init__(self, make: Make, domain: Domain) -> None:
        self._make = make
        self._domain = domain

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Every choice of the space."""
        return dict(distributions(self._domain.space))

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """What the sampler proposes, relative and independent choices together.

        Raises:
            SpaceUsedUp: nothing is left to propose.
        """
        related = self._sampler(trial).infer_relative_search_space(study, trial)
        proposals = (self._proposal(study, trial, related, i) for i in range(TRIES))
        generator = np.random.default_rng([self._domain.seed, trial.number])
        seen = self._domain.seen(study, trial.number)
        return dict(self._domain.settled(proposals, seen, generator))

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """A parameter that is not the space's."""
        sampler = self._sampler(trial)
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """The sampler's own."""
        self._sampler(trial).before_trial(study, trial)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """The sampler's own."""
        self._sampler(trial).after_trial(study, trial, state, values)

    def _proposal(
        self, study: Study, trial: FrozenTrial, related: dict[str, BaseDistribution], attempt: int
    ) -> FlatParameters:
        sampler = self._sampler(trial, attempt)
        flat = sampler.sample_relative(study, trial, related)
        return {
            name: flat[name]
            if name in flat
            else sampler.sample_independent(study, trial, name, distribution)
            for name, distribution in distributions(self._domain.space).items()
        }

    def _sampler(self, trial: FrozenTrial, attempt: int = 0) -> BaseSampler:
        return self._make(candidate_seed(self._domain.seed, trial.number * TRIES + attempt))
