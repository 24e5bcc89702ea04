"""The Pareto front agrees with its definition, on random candidates with many ties."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from results.candidate import Candidate, State
from results.ranking import front

_STEPS = st.sampled_from([0.1, 0.2, 0.3, 0.4])
_ACCURACIES = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])


def _dominates(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one != other and one[0] <= other[0] and one[1] >= other[1]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(points=st.lists(st.tuples(_STEPS, _ACCURACIES), max_size=12))
def test_the_front_is_all_that_no_candidate_dominates(
    make_candidate: Callable[..., Candidate], points: list[tuple[float, float]]
) -> None:
    candidates = [make_candidate(i, step, accuracy=a) for i, (step, a) in enumerate(points)]
    expected = {
        number
        for number, point in enumerate(points)
        if not any(_dominates(other, point) for other in points)
    }
    found = front(candidates)
    assert {candidate.number for candidate in found} == expected
    assert len(found) == len(expected)
    order = [(points[candidate.number][0], candidate.number) for candidate in found]
    assert order == sorted(order)


def test_only_complete_candidates_are_on_the_front(
    make_candidate: Callable[..., Candidate],
) -> None:
    others = [make_candidate(state=state, accuracy=1.0) for state in State if state != "complete"]
    untimed = make_candidate(1, step_time=None, accuracy=1.0)
    untrained = make_candidate(2, accuracy=None)
    good = make_candidate(3)
    assert front([*others, untimed, untrained, good]) == [good]
