"""The samplers by name, as ``--sampler`` reads it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, NSGAIISampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from nas.errors import UserError
from nas.imports import check_reference, import_named
from nas.search.earlier_runs import EarlierRun
from nas.search.samplers.domain import PROPOSAL_ATTEMPTS, Domain, candidate_seed
from nas.search.samplers.evolution import EvolutionSampler
from nas.search.samplers.policy import PolicySampler
from nas.search.samplers.random import PermutationSampler, distributions
from nas.search.samplers.rnn.sampler import RnnSampler
from reward.limits import Limits
from reward.objective import Objective
from search_space.named import lookup
from search_space.space import Point

MakeSampler = Callable[[int], BaseSampler]
"""Makes a sampler from a seed."""


@dataclass(frozen=True)
class SearchProblem:
    """The domain, objective and limits of a search that a sampler is made for.

    ``earlier`` are the runs that ``model`` learns from.
    """

    domain: Domain
    objective: Objective
    limits: Limits = field(default_factory=Limits)
    earlier: Sequence[EarlierRun] = ()


def _random(problem: SearchProblem) -> BaseSampler:
    domain = problem.domain
    is_whole_space = domain.max_parameters is None and domain.points is None
    return PermutationSampler(domain.space, domain.seed, None if is_whole_space else domain)


def _tpe(problem: SearchProblem) -> BaseSampler:
    return PerTrialSampler(lambda seed: TPESampler(seed=seed, multivariate=True), problem.domain)


def _nsga2(problem: SearchProblem) -> BaseSampler:
    return PerTrialSampler(
        lambda seed: NSGAIISampler(seed=seed, population_size=20), problem.domain
    )


def _model(problem: SearchProblem) -> BaseSampler:
    from nas.search.samplers.model.sampler import ModelSampler  # scikit-learn: a second

    limit = problem.limits.max_step_time
    return ModelSampler(problem.domain, problem.objective, limit, problem.earlier)


SAMPLERS: dict[str, Callable[[SearchProblem], BaseSampler]] = {
    "random": _random,
    "tpe": _tpe,
    "nsga2": _nsga2,
    "evolution": lambda problem: EvolutionSampler(problem.domain),
    "policy": lambda problem: PolicySampler(problem.domain),
    "rnn": lambda problem: RnnSampler(problem.domain),
    "model": _model,
}

LEARNING_SAMPLERS = ("model",)
"""The samplers that learn from earlier runs."""

TWO_OBJECTIVE_SAMPLERS = ("nsga2",)
"""The samplers that are told accuracy and step time instead of the reward."""


def check_sampler(name: str) -> None:
    """Import the module of a sampler that the user names, and check that there is such a sampler.

    Raises:
        UserError: there is none, or the class cannot be imported or used.
    """
    if name not in SAMPLERS:
        import_named(name, "--sampler")
        _imported_sampler(name)


def make_sampler(name: str, problem: SearchProblem) -> BaseSampler:
    """Return the sampler of that name, or one of an Optuna sampler class as ``module:Class``.

    Raises:
        UserError: as :func:`check_sampler`.
    """
    if name in SAMPLERS:
        return SAMPLERS[name](problem)
    sampler_class = _imported_sampler(name)
    return PerTrialSampler(lambda seed: sampler_class(seed=seed), problem.domain)


def _imported_sampler(name: str) -> Callable[..., BaseSampler]:
    """Return a sampler class that takes nothing but a seed, from an imported module."""
    given = f"--sampler: got {name!r}, "
    try:
        check_reference(name, SAMPLERS, "a class such as optuna.samplers:GPSampler")
        found = lookup(name)
    except ValueError as error:
        raise UserError(f"--sampler: {error}") from error
    if not (inspect.isclass(found) and issubclass(found, BaseSampler)):
        raise UserError(f"{given}must be a subclass of Optuna's BaseSampler")
    sampler_class: Callable[..., BaseSampler] = found
    try:
        sampler_class(seed=0)
    except Exception as error:  # of any type, as it is the user's
        raise UserError(
            f"{given}must need no argument but a seed: {type(error).__name__}: {error}"
        ) from error
    return sampler_class


class PerTrialSampler(BaseSampler):
    """Wraps an Optuna sampler, which is created anew for each trial.

    The trial's number decides the seed. Optuna's samplers use one random generator from trial to
    trial, whose state would be lost with the process; the rest of their state is in the study. A
    point that was proposed before is replaced by
    :meth:`nas.search.samplers.domain.Domain.resolve`.
    """

    def __init__(self, make: MakeSampler, domain: Domain) -> None:
        self._make = make
        self._domain = domain

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the distribution of every choice of the space."""
        return dict(distributions(self._domain.space))

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the sampler's proposal, its relative and independent choices together.

        Raises:
            SpaceExhausted: no point is left to propose.
        """
        relative = self._sampler(trial).infer_relative_search_space(study, trial)
        proposals = (self._proposal(study, trial, relative, i) for i in range(PROPOSAL_ATTEMPTS))
        generator = np.random.default_rng([self._domain.seed, trial.number])
        seen = self._domain.seen(study, excluding=trial.number)
        return dict(self._domain.resolve(proposals, seen, generator))

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Sample a parameter outside the space, with the wrapped sampler."""
        sampler = self._sampler(trial)
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Call the wrapped sampler."""
        self._sampler(trial).before_trial(study, trial)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Call the wrapped sampler."""
        self._sampler(trial).after_trial(study, trial, state, values)

    def _proposal(
        self, study: Study, trial: FrozenTrial, relative: dict[str, BaseDistribution], attempt: int
    ) -> Point:
        sampler = self._sampler(trial, attempt)
        point = sampler.sample_relative(study, trial, relative)
        return {
            name: point[name]
            if name in point
            else sampler.sample_independent(study, trial, name, distribution)
            for name, distribution in distributions(self._domain.space).items()
        }

    def _sampler(self, trial: FrozenTrial, attempt: int = 0) -> BaseSampler:
        return self._make(
            candidate_seed(self._domain.seed, trial.number * PROPOSAL_ATTEMPTS + attempt)
        )
