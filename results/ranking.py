"""What a stored candidate is worth, computed from its raw facts whenever it is read."""

from __future__ import annotations

from collections.abc import Iterable

from results.candidate import Candidate, State
from reward.objective import Objective
from reward.step_time_statistics import normalized, reference_median_s


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

    What confirms another candidate is left out (:mod:`results.confirmation`).
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
