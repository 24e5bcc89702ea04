"""``--sampler``: strategies by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, NSGAIISampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from nas.errors import UserError
from nas.search.samplers.domain import TRIES, Domain
from nas.search.samplers.evolution import EvolutionSampler
from nas.search.samplers.model.sampler import ModelSampler
from nas.search.samplers.policy import PolicySampler
from nas.search.samplers.random import PermutationSampler, distributions
from nas.search.seeds import candidate_seed
from reward.limits import Limits
from reward.objective import Objective
from search_space.space import Point


@dataclass(frozen=True)
class SearchProblem:
    """What a strategy is made for."""

    domain: Domain
    objective: Objective
    limits: Limits = field(default_factory=Limits)


def _random(problem: SearchProblem) -> BaseSampler:
    domain = problem.domain
    is_whole = domain.max_parameters is None and domain.points is None
    return PermutationSampler(domain.space, domain.seed, None if is_whole else domain)


def _tpe(problem: SearchProblem) -> BaseSampler:
    return PerTrialSampler(lambda seed: TPESampler(seed=seed, multivariate=True), problem.domain)


def _nsga2(problem: SearchProblem) -> BaseSampler:
    return PerTrialSampler(
        lambda seed: NSGAIISampler(seed=seed, population_size=20), problem.domain
    )


SAMPLERS: dict[str, Callable[[SearchProblem], BaseSampler]] = {
    "random": _random,
    "tpe": _tpe,
    "nsga2": _nsga2,
    "evolution": lambda problem: EvolutionSampler(problem.domain),
    "policy": lambda problem: PolicySampler(problem.domain),
    "model": lambda problem: ModelSampler(
        problem.domain, problem.objective, problem.limits.max_step_time
    ),
}
"""By name."""


HAS_TWO_OBJECTIVES = ("nsga2",)


def check_sampler(name: str) -> None:
    """That there is such a strategy.

    Raises:
        UserError: there is none, in one line.
    """
    if name not in SAMPLERS:
        _imported_sampler(name)


def make_sampler(name: str, problem: SearchProblem) -> BaseSampler:
    """The strategy of that name, or Optuna's or anybody's sampler as ``module:Class``."""
    if name in SAMPLERS:
        return SAMPLERS[name](problem)
    foreign = _imported_sampler(name)
    return PerTrialSampler(lambda seed: foreign(seed=seed), problem.domain)


def _imported_sampler(name: str) -> Callable[..., BaseSampler]:
    """A class of samplers that a seed is all that it takes to make one of."""
    module, _, attribute = name.partition(":")
    problem = f"--sampler: got {name!r}, "
    if not attribute:
        names = ", ".join(SAMPLERS)
        raise UserError(
            f"{problem}must be one of {names}, or a class such as optuna.samplers:GPSampler"
        )
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"{problem}which cannot be imported: {error}") from error
    if not (inspect.isclass(found) and issubclass(found, BaseSampler)):
        raise UserError(f"{problem}must be a class of Optuna's BaseSampler")
    make: Callable[..., BaseSampler] = found
    try:
        make(seed=0)
    except (TypeError, ValueError) as error:
        raise UserError(f"{problem}must be made from a seed alone: {error}") from error
    return make


Make = Callable[[int], BaseSampler]


class PerTrialSampler(BaseSampler):
    """A sampler that is made anew for each trial, from a seed that its number decides.

    Optuna's samplers go on with one generator from trial to trial, so where they stand would be
    lost with the process; what else they know is in the study. What they propose again is
    replaced, as :meth:`nas.search.samplers.domain.Domain.resolve` says.
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
        return dict(self._domain.resolve(proposals, seen, generator))

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
    ) -> Point:
        sampler = self._sampler(trial, attempt)
        point = sampler.sample_relative(study, trial, related)
        return {
            name: point[name]
            if name in point
            else sampler.sample_independent(study, trial, name, distribution)
            for name, distribution in distributions(self._domain.space).items()
        }

    def _sampler(self, trial: FrozenTrial, attempt: int = 0) -> BaseSampler:
        return self._make(candidate_seed(self._domain.seed, trial.number * TRIES + attempt))
