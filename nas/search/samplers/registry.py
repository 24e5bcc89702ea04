"""``--sampler``: strategies by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module

from optuna.samplers import BaseSampler, NSGAIISampler, TPESampler

from nas.errors import UserError
from nas.samplers.optunas import PerTrial
from nas.search.samplers.domain import Domain
from nas.search.samplers.evolution import EvolutionSampler
from nas.search.samplers.model.sampler import ModelSampler
from nas.search.samplers.policy import PolicySampler
from nas.search.samplers.random import PermutationSampler
from reward.limits import Limits
from reward.objective import Objective


@dataclass(frozen=True)
class Task:
    """What a strategy is made for."""

    domain: Domain
    objective: Objective
    limits: Limits = field(default_factory=Limits)


def _random(task: Task) -> BaseSampler:
    domain = task.domain
    is_whole = domain.max_parameters is None and domain.points is None
    return PermutationSampler(domain.space, domain.seed, None if is_whole else domain)


def _tpe(task: Task) -> BaseSampler:
    return PerTrial(lambda seed: TPESampler(seed=seed, multivariate=True), task.domain)


def _nsga2(task: Task) -> BaseSampler:
    return PerTrial(lambda seed: NSGAIISampler(seed=seed, population_size=20), task.domain)


SAMPLERS: dict[str, Callable[[Task], BaseSampler]] = {
    "random": _random,
    "tpe": _tpe,
    "nsga2": _nsga2,
    "evolution": lambda task: EvolutionSampler(task.domain),
    "policy": lambda task: PolicySampler(task.domain),
    "model": lambda task: ModelSampler(task.domain, task.objective, task.limits.max_step_time),
}
"""By name."""

HAS_TWO_OBJECTIVES = ("nsga2",)


def check_sampler(name: str) -> None:
    """That there is such a strategy.

    Raises:
        UserError: there is none, in one line.
    """
    if name not in SAMPLERS:
        _foreign(name)


def make_sampler(name: str, task: Task) -> BaseSampler:
    """The strategy of that name, or Optuna's or anybody's sampler as ``module:Class``."""
    if name in SAMPLERS:
        return SAMPLERS[name](task)
    foreign = _foreign(name)
    return PerTrial(lambda seed: foreign(seed=seed), task.domain)


def _foreign(name: str) -> Callable[..., BaseSampler]:
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
