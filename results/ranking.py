"""What a stored candidate is worth, computed from its raw facts whenever it is read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from results.candidate import Candidate, State
from reward.objective import Objective
from reward.step_time.measurement import normalized, reference_median_s


def normalized_step_time(candidate: Candidate) -> float | None:
    """S/S0, the step relative to the backbone's; None where the step was not timed."""
    return None if candidate.step_time is None else normalized(candidate.step_time)


def reward(candidate: Candidate, objective: Objective) -> float | None:
    """The objective's value; None unless complete with all of its three quantities."""
    if candidate.state is not State.COMPLETE or candidate.accuracy is None:
        return None
    return reward_at(candidate, candidate.accuracy, objective)


def reward_at(candidate: Candidate, accuracy: float, objective: Objective) -> float | None:
    """What it would be worth at that accuracy in [0, 1]; None without step time or parameters."""
    timed, step_time = candidate.step_time, normalized_step_time(candidate)
    if timed is None or step_time is None:
        return None
    if candidate.parameters is None or candidate.reference_parameters is None:
        return None
    share = candidate.parameters / candidate.reference_parameters
    settled = objective.relative_to(reference_median_s(timed))
    return settled(accuracy, step_time, share)


def ranked(candidates: Iterable[Candidate], objective: Objective) -> list[tuple[float, Candidate]]:
    """Rewards with their candidates, best first, the lowest number first among equals.

    What confirms another candidate is left out (:mod:`results.ranking`).
    """
    firsts = (candidate for candidate in candidates if candidate.confirms is None)
    rewards = ((reward(candidate, objective), candidate) for candidate in firsts)
    valued = [(value, candidate) for value, candidate in rewards if value is not None]
    return sorted(valued, key=lambda pair: (-pair[0], pair[1].number))


def best(candidates: Iterable[Candidate], objective: Objective) -> Candidate | None:
    """The candidate of the highest reward, the lowest number among equals; None without rewards."""
    ranking = ranked(candidates, objective)
    return ranking[0][1] if ranking else None


def front(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The complete candidates that none dominates, fastest first.

    Accuracy is to be high and S/S0, the step time relative to the reference timed in turn with it,
    low; S/S0 rather than seconds, so that candidates of unlike machines compare. One dominates
    another when it is at least as good in both and better in one, so equals stay together. What
    confirms another candidate is left out.
    """
    points = [
        (step_time, -candidate.accuracy, candidate.number, candidate)
        for candidate in candidates
        if candidate.state is State.COMPLETE
        and candidate.confirms is None
        and candidate.accuracy is not None
        and (step_time := normalized_step_time(candidate)) is not None
    ]
    kept: list[Candidate] = []
    last = (0.0, 1.0)  # step time and negative accuracy of the slowest one kept; none is as bad
    for step_time, loss, _, candidate in sorted(points, key=lambda point: point[:3]):
        if loss < last[1] or (step_time, loss) == last:
            kept.append(candidate)
            last = (step_time, loss)
    return kept


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
