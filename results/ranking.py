"""Ranking of candidates: rewards, the Pareto front, and the winner after confirmation.

All of it is computed from the stored measurements whenever it is needed.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any, TypeVar

from results.candidate import Candidate, State
from reward.objective import Objective, parse_reward
from reward.step_time.measurement import normalized, reference_median_s


def recorded_objective(settings: Mapping[str, Any]) -> Objective:
    """Return the objective of recorded settings, also of releases that had no ``reward``."""
    return parse_reward(str(settings.get("reward", "product")))


def normalized_step_time(candidate: Candidate) -> float | None:
    """Return S/S0, the step time relative to the backbone's; None if the step was not timed."""
    return None if candidate.step_time is None else normalized(candidate.step_time)


def reward(candidate: Candidate, objective: Objective) -> float | None:
    """Return the reward; None unless complete with accuracy, step time and parameters."""
    if candidate.state is not State.COMPLETE or candidate.accuracy is None:
        return None
    return reward_at(candidate, candidate.accuracy, objective)


def reward_at(candidate: Candidate, accuracy: float, objective: Objective) -> float | None:
    """Return the reward at an accuracy in [0, 1]; None without step time or parameters."""
    if candidate.step_time is None:
        return None
    if candidate.parameters is None or candidate.reference_parameters is None:
        return None
    objective = objective.relative_to(reference_median_s(candidate.step_time))
    return objective(
        accuracy,
        normalized(candidate.step_time),
        candidate.parameters / candidate.reference_parameters,
    )


def ranked(candidates: Iterable[Candidate], objective: Objective) -> list[tuple[float, Candidate]]:
    """Return the candidates that have a reward, with it: best first, then by ascending number.

    Trainings that confirm another candidate are left out; see :func:`confirmed`.
    """
    firsts = (candidate for candidate in candidates if candidate.confirms is None)
    rewards = ((reward(candidate, objective), candidate) for candidate in firsts)
    pairs = [(value, candidate) for value, candidate in rewards if value is not None]
    return sorted(pairs, key=lambda pair: (-pair[0], pair[1].number))


def best(candidates: Iterable[Candidate], objective: Objective) -> Candidate | None:
    """Return the candidate with the highest reward, of equals the lowest number; None if none."""
    ranking = ranked(candidates, objective)
    return ranking[0][1] if ranking else None


def front(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return the Pareto front of the complete candidates, the fastest first.

    The front is over accuracy (high) and S/S0 (low). S/S0 is used instead of seconds, so that
    candidates timed on different machines can be compared. A candidate dominates another if it is
    at least as good in both and better in one; equals therefore stay on the front together.
    Trainings that confirm another candidate are left out.
    """
    return pareto(
        (step_time, candidate.accuracy, candidate.number, candidate)
        for candidate in candidates
        if candidate.state is State.COMPLETE
        and candidate.confirms is None
        and candidate.accuracy is not None
        and (step_time := normalized_step_time(candidate)) is not None
    )


_Item = TypeVar("_Item")


def pareto(points: Iterable[tuple[float, float, int, _Item]]) -> list[_Item]:
    """Return the items on the front of (S/S0, accuracy, number, item), as :func:`front` does."""
    kept: list[_Item] = []
    last = (0.0, -1.0)  # step time and accuracy of the last one kept; at first below any
    for step_time, accuracy, _, item in sorted(points, key=lambda p: (p[0], -p[1], p[2])):
        if accuracy > last[1] or (step_time, accuracy) == last:
            kept.append(item)
            last = (step_time, accuracy)
    return kept


@dataclass(frozen=True)
class Confirmed:
    """A candidate that was trained again, with the results of its trainings.

    ``trainings`` are its complete trainings with the number of epochs at which all confirmed
    candidates are compared; its first training is not among them if the later ones were longer.
    ``rewards`` and ``accuracies`` are the results of these trainings. The *fresh* ones leave out
    the first training: the candidate was selected by its result, which is too high by chance.
    """

    candidate: Candidate
    trainings: tuple[Candidate, ...]
    rewards: tuple[float, ...]
    accuracies: tuple[float, ...]
    fresh_rewards: tuple[float, ...]
    fresh_accuracies: tuple[float, ...]


def confirmed(candidates: Iterable[Candidate], objective: Objective) -> list[Confirmed]:
    """Return the candidates that were trained again, the highest mean reward first.

    All are compared at the largest number of epochs of any such training. The mean that ranks them
    includes the first training: each training is as informative as any other, so the order is best
    by all of them. How good the winner is, the fresh trainings alone tell without bias.
    """
    firsts: dict[int, Candidate] = {}
    again: list[Candidate] = []
    for candidate in candidates:
        if candidate.confirms is None:
            firsts[candidate.number] = candidate
        elif _is_confirmation(candidate) and reward(candidate, objective) is not None:
            again.append(candidate)
    epochs = max((len(candidate.curve) for candidate in again), default=0)
    trainings: dict[int, list[Candidate]] = defaultdict(list)
    for candidate in again:
        if len(candidate.curve) == epochs:
            trainings[candidate.confirms or 0].append(candidate)
    results = [
        _confirmed(firsts[number], repeats, epochs, objective)
        for number, repeats in trainings.items()
        if number in firsts  # unless it was lost to damage
    ]
    return sorted(results, key=lambda result: (-fmean(result.rewards), result.candidate.number))


def _is_confirmation(candidate: Candidate) -> bool:
    return not candidate.is_backbone and candidate.fidelity is None


def winner(candidates: Iterable[Candidate], objective: Objective) -> Candidate | None:
    """Return the confirmed candidate with the highest mean reward; without any, :func:`best`."""
    candidates = list(candidates)
    ranking = confirmed(candidates, objective)
    return ranking[0].candidate if ranking else best(candidates, objective)


def spread(values: Sequence[float]) -> tuple[float, float | None]:
    """Return mean and sample standard deviation, which is None for a single value."""
    return fmean(values), stdev(values) if len(values) > 1 else None


def seed_deviation(results: Iterable[Sequence[float]]) -> float | None:
    """Return the standard deviation between trainings of one network, pooled over networks.

    ``results`` are the fresh results of each network. None if no network has two.
    """
    groups = [values for values in results if len(values) > 1]
    if not groups:
        return None
    squares = sum((value - fmean(values)) ** 2 for values in groups for value in values)
    return math.sqrt(squares / sum(len(values) - 1 for values in groups))


def confirmation_json(result: Confirmed, results: Sequence[Confirmed]) -> dict[str, object]:
    """Return a confirmation in JSON types, as in best.json; ``results`` are all of the run.

    ``reward_mean`` and ``accuracy_mean`` are over all trainings, ``sd`` their standard deviation.
    The means named ``fresh`` leave out the training by which the candidate was selected, and
    ``seed_reward_sd`` and ``seed_accuracy_sd`` are pooled over all confirmed candidates.
    """
    reward_mean, reward_sd = spread(result.rewards)
    accuracy_mean, accuracy_sd = spread(result.accuracies)
    return {
        "trainings": len(result.trainings),
        "epochs": len(result.trainings[-1].curve),
        "candidates": [candidate.number for candidate in result.trainings],
        "reward_mean": reward_mean,
        "reward_sd": reward_sd,
        "accuracy_mean": accuracy_mean,
        "accuracy_sd": accuracy_sd,
        "fresh_trainings": len(result.fresh_rewards),
        "fresh_reward_mean": fmean(result.fresh_rewards),
        "fresh_accuracy_mean": fmean(result.fresh_accuracies),
        "seed_reward_sd": seed_deviation([each.fresh_rewards for each in results]),
        "seed_accuracy_sd": seed_deviation([each.fresh_accuracies for each in results]),
    }


def _confirmed(
    first: Candidate, repeats: Sequence[Candidate], epochs: int, objective: Objective
) -> Confirmed:
    trainings = ((first,) if len(first.curve) == epochs else ()) + tuple(repeats)
    return Confirmed(
        first,
        trainings,
        *_results(trainings, objective),
        *_results(repeats, objective),
    )


def _results(
    trainings: Sequence[Candidate], objective: Objective
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return rewards and accuracies of the trainings."""
    rewards = (reward(training, objective) for training in trainings)
    return (
        tuple(value for value in rewards if value is not None),
        tuple(training.accuracy for training in trainings if training.accuracy is not None),
    )
