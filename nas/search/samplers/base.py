"""The base class of our samplers, and how candidates are read from and told to an Optuna study."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from nas.search.samplers.domain import PROPOSAL_ATTEMPTS, Domain, Key, candidate_seed
from nas.search.samplers.random import distributions
from results.candidate import Candidate, State
from results.ranking import normalized_step_time, reward, reward_at
from reward.limits import Limits
from reward.objective import Objective
from reward.step_time.measurement import reference_median_s
from search_space.space import Point

OBSERVATION = "observation"
"""The name of the trial attribute that :func:`observation_attrs` fills."""


@dataclass(frozen=True)
class Observation:
    """A trial that has ended, or a running one, of which only ``point`` is known.

    ``value`` is the reward. For a candidate that was stopped early, it is the reward at the
    accuracy of its last epoch. ``curve`` holds the accuracy after each epoch, in [0, 1].
    ``step_time`` is S/S0.
    """

    number: int
    point: Point
    value: float | None = None
    is_complete: bool = False
    curve: tuple[float, ...] = ()
    step_time: float | None = None
    reference_step_time_s: float | None = None
    ended: tuple[int, float] = (0, 0.0)  # the event's number, and the time


@dataclass(frozen=True)
class SamplerState:
    """All that a proposal may depend on.

    ``history`` holds the trials that have ended, in the order in which they ended. ``seen`` holds
    the keys of the points proposed so far. ``generator`` follows from the seed and the trial's
    number.
    """

    history: list[Observation]
    running: list[Observation]
    seen: set[Key]
    generator: np.random.Generator


class PointSampler(BaseSampler):
    """A sampler whose proposal is a function of the study, the seed and the trial's number.

    It keeps no state between trials. So a study that is rebuilt from a record continues with the
    same proposals. It maximises a single objective and proposes no point twice.
    """

    def __init__(self, domain: Domain) -> None:
        self.domain = domain

    @abstractmethod
    def propose(self, state: SamplerState) -> Point:
        """Return a point of the space; called again, up to 4 times, if the point is not open."""

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the distribution of every choice of the space."""
        _check_single_objective(study, self)
        return dict(distributions(self.domain.space))

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the sampler's proposal, or another point if that was proposed before.

        Raises:
            SpaceExhausted: no point is left to propose.
        """
        _check_single_objective(study, self)
        options, number = self.domain.options, trial.number
        state = SamplerState(
            ended_trials(study, options),
            running_trials(study, options, excluding=number),
            self.domain.seen(study, excluding=number),
            np.random.default_rng([self.domain.seed, number]),
        )
        proposals = (self.propose(state) for _ in range(PROPOSAL_ATTEMPTS))
        return dict(self.domain.resolve(proposals, state.seen, state.generator))

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Sample a parameter outside the space at random."""
        _check_single_objective(study, self)
        sampler = RandomSampler(candidate_seed(self.domain.seed, trial.number))
        return sampler.sample_independent(study, trial, param_name, param_distribution)


def _check_single_objective(study: Study, sampler: BaseSampler) -> None:
    if len(study.directions) > 1:
        raise ValueError(f"directions: {sampler} has one objective, got {len(study.directions)}")


def observation_attrs(candidate: Candidate, objective: Objective) -> dict[str, Any]:
    """Return a candidate's observation as a trial's attribute, in JSON types."""
    curve = [point.accuracy for point in candidate.curve]
    is_complete = candidate.state is State.COMPLETE
    accuracy = candidate.accuracy if is_complete else (curve[-1] if curve else None)
    step_time = candidate.step_time
    return {
        "value": accuracy if accuracy is None else reward_at(candidate, accuracy, objective),
        "is_complete": is_complete,
        "curve": curve,
        "step_time": normalized_step_time(candidate),
        "reference_step_time_s": step_time and reference_median_s(step_time),
        "ended": [candidate.ended_event or 0, candidate.finished_at or 0.0],
    }


def ended_trials(study: Study, names: Iterable[str]) -> list[Observation]:
    """Return the trials that have ended and have all of ``names``, in the order of their ends.

    The recorded events decide the order where there are any, and times where earlier releases
    recorded no events, so that a study rebuilt from a record gives the same list as the original.
    """
    states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
    trials = study.get_trials(deepcopy=False, states=states)
    observations = [
        _observation(trial, study) for trial in trials if trial.params.keys() >= set(names)
    ]
    return sorted(observations, key=lambda trial: (trial.ended, trial.number))


def running_trials(study: Study, names: Iterable[str], excluding: int) -> list[Observation]:
    """Return the running trials that have all of ``names``, except trial number ``excluding``."""
    trials = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return [
        Observation(trial.number, trial.params)
        for trial in trials
        if trial.number != excluding and trial.params.keys() >= set(names)
    ]


def _observation(trial: FrozenTrial, study: Study) -> Observation:
    if OBSERVATION in trial.user_attrs:
        attributes = dict(trial.user_attrs[OBSERVATION])
        attributes |= {name: tuple(attributes[name]) for name in ("curve", "ended")}
        return Observation(trial.number, trial.params, **attributes)
    is_complete = trial.state is TrialState.COMPLETE
    value = trial.value if is_complete else None
    if value is not None and study.direction.name == "MINIMIZE":
        value = -value
    return Observation(trial.number, trial.params, value, is_complete)


def tell_candidate(
    study: Study, trial: Trial, candidate: Candidate, objective: Objective, limits: Limits
) -> None:
    """End the trial according to the candidate's final state.

    A complete candidate becomes a complete trial, with its reward, or accuracy and step time. One
    that was stopped becomes a pruned trial; with one objective, its rewards so far are reported.

    A candidate over a limit has a constraint above 0. With one objective it becomes a pruned trial,
    as Optuna's samplers then look at the constraints alone. Samplers for two objectives look at
    complete trials only, so there it becomes a complete trial with accuracy 0.

    A failed candidate, one without a step time, and one outside the space become failed trials,
    which samplers do not learn from.
    """
    for name, excess in _excesses(candidate, limits).items():
        trial.set_constraint(name, excess)
    has_two_objectives = len(study.directions) > 1
    values = _values(candidate, objective, has_two_objectives)
    if not trial.params:
        study.tell(trial, state=TrialState.FAIL)
    elif values is not None:
        study.tell(trial, values, TrialState.COMPLETE)
    elif candidate.state in (State.STOPPED, State.INFEASIBLE) and candidate.step_time:
        for point in [] if has_two_objectives else candidate.curve:
            trial.report(reward_at(candidate, point.accuracy, objective) or 0.0, point.epoch)
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, state=TrialState.FAIL)


def _values(
    candidate: Candidate, objective: Objective, has_two_objectives: bool
) -> list[float] | None:
    if not has_two_objectives:
        value = reward(candidate, objective)
        return None if value is None else [value]
    step_time = normalized_step_time(candidate)
    if step_time is None:
        return None
    if candidate.state is State.INFEASIBLE:
        return [0.0, step_time]
    is_complete = candidate.state is State.COMPLETE and candidate.accuracy is not None
    return [candidate.accuracy or 0.0, step_time] if is_complete else None


def _excesses(candidate: Candidate, limits: Limits) -> dict[str, float]:
    """Return by how much of each limit the candidate exceeds it; 0 or less keeps the limit."""
    step_time = candidate.step_time
    amounts_and_limits: dict[str, tuple[float | None, float | None]] = {
        "parameters": (candidate.parameters, limits.max_parameters),
        "step_time": (normalized_step_time(candidate), limits.max_step_time),
        "memory": (step_time.peak_memory_bytes if step_time else None, limits.max_memory_bytes),
    }
    return {
        name: amount / limit - 1
        for name, (amount, limit) in amounts_and_limits.items()
        if amount is not None and limit is not None
    }
