"""What a study is told of a candidate that has ended: state, values and constraints."""

from __future__ import annotations

from optuna.study import Study
from optuna.trial import Trial, TrialState

from results.candidate import Candidate, State
from results.ranking import normalized_step_time, reward, reward_at
from reward.limits import Limits
from reward.objective import Objective


def told(
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
