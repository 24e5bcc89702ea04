"""Trainings of one network with several seeds: their mean reward decides which network wins."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from results.candidate import Candidate
from results.ranking import best, reward
from reward.objective import Objective


@dataclass(frozen=True)
class Confirmed:
    """A candidate that was trained again.

    ``trainings`` are its complete ones of the length that all confirmations are compared at, so
    its own first is not among them where the others were longer. ``rewards`` and ``accuracies``
    are theirs.
    """

    candidate: Candidate
    trainings: tuple[Candidate, ...]
    rewards: tuple[float, ...]
    accuracies: tuple[float, ...]


def confirmed(candidates: Iterable[Candidate], objective: Objective) -> list[Confirmed]:
    """The candidates that were trained again at least once, the highest mean reward first.

    They are compared at the longest length that any was trained again with. The first training
    counts in the mean although it was chosen for being good, which lifts the means of all alike:
    they choose between networks, and flatter each a little.
    """
    firsts: dict[int, Candidate] = {}
    again: list[Candidate] = []
    for candidate in candidates:
        if candidate.confirms is None:
            firsts[candidate.number] = candidate
        elif reward(candidate, objective) is not None:
            again.append(candidate)
    epochs = max((len(candidate.curve) for candidate in again), default=0)
    trainings: dict[int, list[Candidate]] = defaultdict(list)
    for candidate in again:
        if len(candidate.curve) == epochs:
            trainings[candidate.confirms or 0].append(candidate)
    results = [_confirmed(firsts[n], runs, epochs, objective) for n, runs in trainings.items()]
    return sorted(results, key=lambda result: (-fmean(result.rewards), result.candidate.number))


def winner(candidates: Iterable[Candidate], objective: Objective) -> Candidate | None:
    """The confirmed candidate of the highest mean; without any, that of the highest reward."""
    candidates = list(candidates)
    ranking = confirmed(candidates, objective)
    return ranking[0].candidate if ranking else best(candidates, objective)


def spread(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation; no deviation of a single value."""
    return fmean(values), stdev(values) if len(values) > 1 else None


def confirmation_json(result: Confirmed) -> dict[str, object]:
    """As it stands in best.json."""
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
    }


def _confirmed(
    first: Candidate, runs: Sequence[Candidate], epochs: int, objective: Objective
) -> Confirmed:
    trainings = ((first,) if len(first.curve) == epochs else ()) + tuple(runs)
    rewards = (reward(candidate, objective) for candidate in trainings)
    return Confirmed(
        first,
        trainings,
        tuple(value for value in rewards if value is not None),
        tuple(c.accuracy for c in trainings if c.accuracy is not None),
    )
