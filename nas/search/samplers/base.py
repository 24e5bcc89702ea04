"""What the strategies of our own have in common."""

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

from nas.search.samplers.domain import TRIES, Domain, Key
from nas.search.samplers.random import distributions
from nas.search.seeds import candidate_seed
from results.candidate import Candidate, State
from results.ranking import normalized_step_time, reward, reward_at
from reward.limits import Limits
from reward.objective import Objective
from reward.step_time.measurement import reference_median_s
from search_space.space import Point


@dataclass(frozen=True)
class SamplerState:
    """What a proposal may depend on: what has ended, in the order of the ends, and what runs.

    ``seen`` are the points proposed so far; ``generator`` follows from the seed and the trial's
    number.
    """

    history: list[Observation]
    running: list[Observation]
    seen: set[Key]
    generator: np.random.Generator


class PointSampler(BaseSampler):
    """A strategy that is a function of the trials so far, and of the seed and the trial's number.

    It keeps nothing between trials, so a study rebuilt from a record goes on as the first one
    would have. It maximises one value, and proposes nothing twice.
    """

    def __init__(self, domain: Domain) -> None:
        self.domain = domain

    @abstractmethod
    def propose(self, situation: SamplerState) -> Point:
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
        situation = SamplerState(
            ended_trials(study, options),
            running_trials(study, options, number),
            self.domain.seen(study, number),
            np.random.default_rng([self.domain.seed, number]),
        )
        proposals = (self.propose(situation) for _ in range(TRIES))
        return dict(self.domain.resolve(proposals, situation.seen, situation.generator))

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


OBSERVATION = "facts"


@dataclass(frozen=True)
class Observation:
    """A trial that has ended, or one under way, of which only ``point`` is known.

    ``value`` is its reward; of one stopped early, the reward that its last epoch's accuracy would
    give. ``curve`` holds the accuracy after each epoch, in [0, 1], ``step_time`` is S/S0.
    """

    number: int
    point: Point
    value: float | None = None
    is_complete: bool = False
    curve: tuple[float, ...] = ()
    step_time: float | None = None
    reference_step_time_s: float | None = None
    finished_at: float = 0.0


def observation_attrs(candidate: Candidate, objective: Objective) -> dict[str, Any]:
    """A candidate's facts as a trial's attribute, in JSON types."""
    curve = [point.accuracy for point in candidate.curve]
    is_complete = candidate.state is State.COMPLETE
    accuracy = candidate.accuracy if is_complete else (curve[-1] if curve else None)
    timed = candidate.step_time
    return {
        "value": accuracy if accuracy is None else reward_at(candidate, accuracy, objective),
        "is_complete": is_complete,
        "curve": curve,
        "step_time": normalized_step_time(candidate),
        "reference_step_time_s": timed and reference_median_s(timed),
        "finished_at": candidate.finished_at or 0.0,
    }


def ended_trials(study: Study, names: Iterable[str]) -> list[Observation]:
    """The trials with all of the parameters ``names`` that have ended, in the order of their ends.

    Times decide the order where they are told, so that a study that is rebuilt from a record gives
    what the first one gave.
    """
    states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
    trials = study.get_trials(deepcopy=False, states=states)
    observations = [_observation(t, study) for t in trials if t.params.keys() >= set(names)]
    return sorted(observations, key=lambda each: (each.finished_at, each.number))


def running_trials(study: Study, names: Iterable[str], but: int) -> list[Observation]:
    """The trials that are running, all but number ``but``."""
    trials = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return [
        Observation(t.number, t.params)
        for t in trials
        if t.number != but and t.params.keys() >= set(names)
    ]


def _observation(trial: FrozenTrial, study: Study) -> Observation:
    if OBSERVATION in trial.user_attrs:
        tell_candidate = dict(trial.user_attrs[OBSERVATION])
        tell_candidate["curve"] = tuple(tell_candidate["curve"])
        return Observation(trial.number, trial.params, **tell_candidate)
    is_complete = trial.state is TrialState.COMPLETE
    value = trial.value if is_complete else None
    if value is not None and study.direction.name == "MINIMIZE":
        value = -value
    return Observation(trial.number, trial.params, value, is_complete)


def tell_candidate(
    study: Study, trial: Trial, candidate: Candidate, objective: Objective, limits: Limits
) -> None:
    """Ends the trial as the candidate ended.

    A candidate that was stopped is a pruned trial with its rewards so far, where there is one
    objective. One outside the limits is pruned too, with its constraints above 0, which is all
    that Optuna's samplers then look at; those of two objectives only see complete trials, so
    it is told to them as one of no accuracy. What has no parameters of the space has failed
    to these samplers: they could not learn from it.
    """
    for name, excess in _excesses(candidate, limits).items():
        trial.set_constraint(name, excess)
    has_two = len(study.directions) > 1
    values = _values(candidate, objective, has_two)
    if not trial.params:
        study.tell(trial, state=TrialState.FAIL)
    elif values is not None:
        study.tell(trial, values, TrialState.COMPLETE)
    elif candidate.state in (State.STOPPED, State.INFEASIBLE) and candidate.step_time:
        for point in [] if has_two else candidate.curve:
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
    """How far it is above each limit, in parts of it; 0 and below keep it."""
    timed = candidate.step_time
    pairs: dict[str, tuple[float | None, float | None]] = {
        "parameters": (candidate.parameters, limits.max_parameters),
        "step_time": (normalized_step_time(candidate), limits.max_step_time),
        "memory": (timed.peak_memory_bytes if timed else None, limits.max_memory_bytes),
    }
    return {
        name: amount / limit - 1
        for name, (amount, limit) in pairs.items()
        if amount is not None and limit is not None
    }
