"""What the strategies of our own have in common."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas.samplers.history import Observation, ended, under_way
from nas.search.samplers.domain import TRIES, Domain, Key
from nas.search.samplers.random import distributions
from nas.search.seeds import candidate_seed
from search_space.space import FlatParameters


@dataclass(frozen=True)
class Situation:
    """What a proposal may depend on: what has ended, in the order of the ends, and what runs.

    ``seen`` are the points proposed so far; ``generator`` follows from the seed and the trial's
    number.
    """

    history: list[Observation]
    running: list[Observation]
    seen: set[Key]
    generator: np.random.Generator


class OwnSampler(BaseSampler):
    """A strategy that is a function of the trials so far, and of the seed and the trial's number.

    It keeps nothing between trials, so a study rebuilt from a record goes on as the first one
    would have. It maximises one value, and proposes nothing twice.
    """

    def __init__(self, domain: Domain) -> None:
        self.domain = domain

    @abstractmethod
    def propose(self, situation: Situation) -> FlatParameters:
        """A point of the space; asked again where it is not open."""

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Every choice of the space."""
        _check_single(study, self)
        return dict(distributions(self.domain.space))

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The strategy's proposal, or another point where that was proposed before.

        Raises:
            SpaceUsedUp: nothing is left to propose.
        """
        _check_single(study, self)
        options, number = self.domain.options, trial.number
        situation = Situation(
            ended(study, options),
            under_way(study, options, number),
            self.domain.seen(study, number),
            np.random.default_rng([self.domain.seed, number]),
        )
        proposals = (self.propose(situation) for _ in range(TRIES))
        return dict(self.domain.settled(proposals, situation.seen, situation.generator))

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """A parameter that is not the space's, by chance."""
        _check_single(study, self)
        seed = candidate_seed(self.domain.seed, trial.number)
        chance = RandomSampler(seed)
        return chance.sample_independent(study, trial, param_name, param_distribution)


def _check_single(study: Study, sampler: BaseSampler) -> None:
    if len(study.directions) > 1:
        raise ValueError(f"directions: {sampler} has one objective, got {len(study.directions)}")
