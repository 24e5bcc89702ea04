"""The trainings of a comparison: in which order they come, how often, and when it is enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count

import pytest

from nas.search.comparison import ProxyTrainings
from results.candidate import FULL, PROXY, Candidate, State
from results.comparison import Comparison, Fidelity
from reward.objective import Objective
from reward.step_time.measurement import StepTime
from search_space.spaces import small

FIDELITY = Fidelity(1, 8)
TRIED = "data=0.5"
SPACE = small(8)
NETWORKS = [SPACE.decode(SPACE.at(3001 * i)) for i in range(100)]


def comparison(repeats: int = 1, precision: float | None = None) -> Comparison:
    return Comparison({FULL: FIDELITY, TRIED: FIDELITY}, repeats, precision)


def first(number: int, accuracy: float = 0.5, state: State = State.COMPLETE) -> Candidate:
    timed = StepTime((0.1,) * 6, (0.1,) * 6, 1, "cpu", 8, 4)
    return Candidate(
        number, state, NETWORKS[number], number, accuracy=accuracy, parameters=1,
        reference_parameters=1, step_time=timed,
    )  # fmt: skip


def trainings(
    known: Iterable[Candidate] = (), repeats: int = 1, precision: float | None = None
) -> ProxyTrainings:
    return ProxyTrainings(comparison(repeats, precision), NETWORKS, known, Objective())


@pytest.fixture
def reserve() -> Callable[[], int]:
    numbers = count(100)
    return lambda: next(numbers)


def all_due(due: ProxyTrainings, reserve: Callable[[], int]) -> list[Candidate]:
    found = []
    while (candidate := due.next(reserve)) is not None:
        found.append(candidate)
    return found


def test_a_network_is_trained_in_full_and_tried_and_one_of_them_twice(
    reserve: Callable[[], int],
) -> None:
    due = trainings()
    assert due.come_first
    assert not due.are_due()
    for number in (7, 0):
        due.ended(first(number))
    begun = all_due(due, reserve)
    assert Counter((c.confirms, c.fidelity) for c in begun) == {
        (0, FULL): 2, (0, TRIED): 1, (0, PROXY): 1, (7, FULL): 1, (7, TRIED): 1,
    }  # fmt: skip
    assert begun[0].fidelity == FULL
    assert [c.confirms for c in begun] == [0] * 4 + [7] * 2, "one network after the other"
    assert len({c.seed for c in begun}) == 6
    assert not due.are_due()


def test_seeds_do_not_depend_on_numbers_or_the_order_of_events() -> None:
    seeds = []
    for order, start in (((0, 7), 50), ((7, 0), 80)):
        due, numbers = trainings(), count(start)
        for number in order:
            due.ended(first(number))
        begun = all_due(due, lambda numbers=numbers: next(numbers))  # type: ignore[misc]
        seeds.append(sorted((c.confirms, c.fidelity, c.seed) for c in begun))
    assert seeds[0] == seeds[1]


def test_one_that_makes_up_for_a_failure_is_trained_once(reserve: Callable[[], int]) -> None:
    due = trainings(repeats=100)
    other = SPACE.decode(SPACE.at(17))
    due.ended(replace(first(5), number=300, architecture=other))
    assert [c.fidelity for c in all_due(due, reserve)] == [FULL, TRIED]
    due.ended(first(5))
    assert [c.fidelity for c in all_due(due, reserve)] == [FULL, TRIED, PROXY, FULL]


def test_what_failed_first_is_not_trained_in_full(reserve: Callable[[], int]) -> None:
    due = trainings()
    due.ended(first(0, state=State.FAILED))
    assert all_due(due, reserve) == []


def test_a_failed_full_training_is_not_repeated(reserve: Callable[[], int]) -> None:
    due = trainings(repeats=0)
    due.ended(first(0))
    full = due.next(reserve)
    assert full is not None
    due.ended(replace(full, state=State.FAILED))
    assert [c.fidelity for c in all_due(due, reserve)] == [TRIED]


def test_an_interrupted_comparison_goes_on_with_the_same_trainings(
    reserve: Callable[[], int],
) -> None:
    due = trainings()
    due.ended(first(0))
    whole = all_due(due, reserve)
    running = whole[1]
    known = [first(0), replace(whole[0], state=State.COMPLETE, accuracy=0.6), running]
    resumed = trainings(known)
    assert resumed.are_due()
    again = all_due(resumed, reserve)
    assert again[0] == running, "it keeps its number and seed"
    assert Counter(c.fidelity for c in again) + Counter([FULL]) == Counter(
        c.fidelity for c in whole
    )


def test_a_lost_training_begins_again(reserve: Callable[[], int]) -> None:
    due = trainings()
    due.ended(first(0))
    lost = due.next(reserve)
    assert lost is not None
    due.try_again(lost)
    assert due.next(reserve) == lost


def test_it_ends_when_tau_is_as_precise_as_asked_for(reserve: Callable[[], int]) -> None:
    due = trainings(repeats=0, precision=0.3)
    ended = 0
    while not due.are_enough():
        accuracy = 0.3 + 0.002 * ended
        due.ended(first(ended, accuracy))
        for further in all_due(due, reserve):
            timed = first(0, accuracy + 0.1)
            due.ended(
                replace(timed, number=further.number, confirms=ended, fidelity=further.fidelity)
            )
        ended += 1
        assert ended < 100
    # All orders agree; the interval of a tau of 1 has a half-width of 0.3 with a handful.
    assert 4 <= ended < 20
    assert trainings(due._candidates.values(), 0, 0.3).are_enough()
    assert not trainings(due._candidates.values(), 0, 0.01).are_enough()
