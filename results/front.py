"""The Pareto front: no other candidate is more accurate and trains as fast, or the reverse."""

from __future__ import annotations

from collections.abc import Iterable

from results.candidate import Candidate, State
from results.ranking import normalized_step_time


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
