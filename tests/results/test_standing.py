"""How many of what is planned are evaluated, and what else there is."""

from __future__ import annotations

from collections.abc import Callable

from results.candidate import BACKBONE, Candidate, State
from results.forecast import Forecast, Plan
from results.standing import Standing

Make = Callable[..., Candidate]


def _candidates(make: Make) -> list[Candidate]:
    return [
        *[make(n) for n in range(5)],
        *[make(5 + n, state=State.STOPPED, cause="asha") for n in range(2)],
        make(7, state=State.FAILED, cause="diverged"),
        make(8, state=State.FAILED, cause="error"),
        make(9, state=State.FAILED, cause="error"),
        make(10, state=State.DUPLICATE, cause="duplicate"),
        make(11, state=State.RUNNING),
        make(12, confirms=BACKBONE),
        make(13, confirms=BACKBONE),
        make(14, confirms=3),
        make(15, confirms=3, fidelity="full"),
    ]


def test_the_sentence_leads_from_one_number_to_the_other(make_candidate: Make) -> None:
    standing = Standing.of(_candidates(make_candidate), Plan(budget=2000))
    assert (standing.evaluated, standing.planned, standing.total) == (7, 2000, 16)
    assert standing.sentence == (
        "7 of 2,000 evaluated: 5 complete, 2 stopped (asha 2); besides 3 failed (error 2, "
        "diverged 1), 1 duplicate, 1 running, 2 trainings of the backbone, 1 that confirms "
        "another, 1 further training of them: 16 in all"
    )


def test_a_small_space_is_planned_in_full(make_candidate: Make) -> None:
    standing = Standing.of([make_candidate()], Plan(budget=100, space_size=12))
    assert standing.sentence == "1 of 12 evaluated: 1 complete"


def test_without_a_budget_there_is_no_number_to_reach(make_candidate: Make) -> None:
    standing = Standing.of([make_candidate()], Plan(until=2e9))
    assert standing.planned is None
    assert standing.done == "1"


def test_the_time_may_end_before_the_budget(make_candidate: Make) -> None:
    forecast = Forecast((2e9, 2e9), 840, is_cut=True)
    standing = Standing.of([make_candidate()], Plan(budget=2000), forecast)
    assert standing.done == "1 of about 840"
    within = Forecast((1e9, 1e9), 2000, is_cut=False)
    assert Standing.of([make_candidate()], Plan(budget=2000), within).done == "1 of 2,000"


def test_nothing_is_said_so() -> None:
    assert Standing.of([], Plan(budget=5)).sentence == "no candidates yet"
