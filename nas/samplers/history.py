"""What a strategy learns from: the study's trials with the facts that were told of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from results.candidate import Candidate, State
from results.ranking import normalized_step_time, reward_at
from reward.objective import Objective
from reward.step_time_statistics import reference_median_s
from search_space.space import FlatParameters

FACTS = "facts"


@dataclass(frozen=True)
class Observation:
    """A trial that has ended, or one under way, of which only ``flat`` is known.

    ``value`` is its reward; of one stopped early, the reward that its last epoch's accuracy would
    give. ``curve`` holds the accuracy after each epoch, in [0, 1], ``step_time`` is S/S0.
    """

    number: int
    flat: FlatParameters
    value: float | None = None
    is_complete: bool = False
    curve: tuple[float, ...] = ()
    step_time: float | None = None
    reference_step_time_s: float | None = None
    finished_at: float = 0.0


def facts(candidate: Candidate, objective: Objective) -> dict[str, Any]:
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


def ended(study: Study, names: Iterable[str]) -> list[Observation]:
    """The trials with all of the parameters ``names`` that have ended, in the order of their ends.

    Times decide the order where they are told, so that a study that is rebuilt from a record gives
    what the first one gave.
    """
    states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
    trials = study.get_trials(deepcopy=False, states=states)
    observations = [_observation(t, study) for t in trials if t.params.keys() >= set(names)]
    return sorted(observations, key=lambda each: (each.finished_at, each.number))


def under_way(study: Study, names: Iterable[str], but: int) -> list[Observation]:
    """The trials that are running, all but number ``but``."""
    trials = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return [
        Observation(t.number, t.params)
        for t in trials
        if t.number != but and t.params.keys() >= set(names)
    ]


def _observation(trial: FrozenTrial, study: Study) -> Observation:
    if FACTS in trial.user_attrs:
        told = dict(trial.user_attrs[FACTS])
        told["curve"] = tuple(told["curve"])
        return Observation(trial.number, trial.params, **told)
    is_complete = trial.state is TrialState.COMPLETE
    value = trial.value if is_complete else None
    if value is not None and study.direction.name == "MINIMIZE":
        value = -value
    return Observation(trial.number, trial.params, value, is_complete)
