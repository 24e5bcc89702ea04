"""The search driver with rules, limits and confirmations, and what a kill costs it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from nas.search.confirmation import ConfirmationPlan, due_confirmations
from nas.search.driver import SearchDriver
from nas.search.failure_limit import INFEASIBLE_PER_FAILURE, FailureLimit, HopelessRun
from nas.search.patient_record import PatientRecord
from nas.search.pruners.base import make_pruners
from nas.search.samplers.random import PermutationSampler
from nas.search.study import ProposalStudy
from results.candidate import EVALUATED, Candidate, CurvePoint, State
from results.database_url import sqlite_url
from results.ranking import confirmed, ranked
from results.record import Record
from reward.objective import Objective
from reward.step_time.measurement import StepTime
from search_space.space import Space

EPOCHS, BUDGET = 6, 24
CONFIRM = partial(due_confirmations, plan=ConfirmationPlan(3, 2, EPOCHS), objective=Objective())


def start(record: Record, space: Space, **options: Any) -> SearchDriver:
    known = record.candidates()
    settings: dict[str, Any] = {
        "seed": 3,
        "budget": BUDGET,
        "failure_limit": FailureLimit(2),
        "pruners": make_pruners("asha:grace=2", "certain", Objective(), EPOCHS),
        "confirm": CONFIRM,
        **options,
    }
    return SearchDriver(
        PatientRecord(record),
        ProposalStudy(space, PermutationSampler(space, seed=3), Objective(), known),
        known,
        space_size=space.size,
        listener=lambda candidate: None,
        **settings,
    )


def reports(candidate: Candidate) -> Iterator[Candidate]:
    """A training that depends on architecture and seed alone, reported as a worker does."""

    def uniform(text: str) -> float:
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big") / 2**32

    name = candidate.architecture.architecture_id
    step = 0.1 + 10 * uniform(name + "step") ** 2
    final = 0.5 + 0.4 * uniform(name) + 0.1 * uniform(f"{candidate.seed}")
    candidate = replace(
        candidate,
        parameters=1,
        reference_parameters=1,
        step_time=StepTime((step,) * 6, (1.0,) * 6, 1, "cpu", 8, 4),
    )
    yield candidate
    for epoch in range(1, EPOCHS + 1):
        point = CurvePoint(epoch, 1.0, final * epoch / EPOCHS, float(epoch))
        candidate = replace(candidate, curve=(*candidate.curve, point))
        yield candidate
    yield replace(candidate, state=State.COMPLETE, accuracy=final)


def evaluate(search: SearchDriver, candidate: Candidate) -> None:
    for report in reports(candidate):
        if report.state is not State.RUNNING:
            search.ended(report)
        elif search.progressed(report):
            return


def run(search: SearchDriver, steps: int = 10_000) -> int:
    """Evaluates one candidate after the other; how many."""
    for done in range(steps):
        candidate = None if search.is_finished() else search.next_candidate()
        if candidate is None:
            return done
        evaluate(search, candidate)
    return steps


def outcome(record: Record) -> list[Candidate]:
    """The candidates without their times."""
    return [replace(c, started_at=None, finished_at=None) for c in record.candidates()]


def test_the_budget_counts_what_was_stopped_and_not_what_confirms(
    record: Record, tiny_space: Space
) -> None:
    search = start(record, tiny_space)
    assert run(search) == BUDGET + 6
    assert search.is_finished()
    candidates = record.candidates()
    own = [c for c in candidates if c.confirms is None]
    assert sum(c.state in EVALUATED for c in own) == BUDGET
    causes = {c.cause for c in own if c.state is State.STOPPED}
    assert causes == {"asha", "bound"}
    best = [c.number for _, c in ranked(candidates, Objective())[:3]]
    again = [c.confirms for c in candidates if c.confirms is not None]
    assert again == best * 2  # all have one more before any has two
    assert len({c.seed for c in candidates}) == len(candidates)
    assert all(len(c.trainings) == 3 for c in confirmed(candidates, Objective()))


@pytest.mark.parametrize("died_after", [1, 7, BUDGET - 1, BUDGET, BUDGET + 1, BUDGET + 4])
def test_a_killed_search_ends_as_an_uninterrupted_one(
    record: Record, tiny_space: Space, tmp_path: Path, died_after: int
) -> None:
    """Killed between two candidates, and once more in the middle of one."""
    run(start(record, tiny_space))
    with Record.open(sqlite_url(tmp_path / "other.sqlite"), "run") as other:
        other.create({})
        run(start(other, tiny_space), steps=died_after)
        dying = start(other, tiny_space)
        candidate = dying.next_candidate()
        assert candidate is not None
        for report in list(reports(candidate))[:4]:
            if dying.progressed(report):
                break
        run(start(other, tiny_space))
        assert outcome(other) == outcome(record)


def test_two_at_a_time_spend_the_budget_and_confirm_as_many(
    record: Record, tiny_space: Space
) -> None:
    search = start(record, tiny_space)
    under_way: list[Iterator[Candidate]] = []
    while not search.is_finished():
        while len(under_way) < 2 and (candidate := search.next_candidate()) is not None:
            under_way.append(reports(candidate))
        for training in list(under_way):
            report = next(training)
            if report.state is not State.RUNNING:
                search.ended(report)
                under_way.remove(training)
            elif search.progressed(report):
                under_way.remove(training)
    candidates = record.candidates()
    own = [c for c in candidates if c.confirms is None]
    assert sum(c.state in EVALUATED for c in own) == BUDGET
    assert len(candidates) - len(own) == 6
    assert State.RUNNING not in {c.state for c in candidates}


def test_the_certain_bound_changes_no_winner(
    record: Record, tiny_space: Space, tmp_path: Path
) -> None:
    run(start(record, tiny_space, pruners=[], confirm=None))
    with Record.open(sqlite_url(tmp_path / "other.sqlite"), "run") as other:
        other.create({})
        rules = make_pruners("none", "certain", Objective(), EPOCHS)
        run(start(other, tiny_space, pruners=rules, confirm=None))
        winner = ranked(record.candidates(), Objective())[0]
        assert ranked(other.candidates(), Objective())[0][0] == winner[0]
        spent = [sum(len(c.curve) for c in r.candidates()) for r in (record, other)]
        assert spent[1] < spent[0]


def test_a_run_may_be_confirmed_later_and_then_extended(record: Record, tiny_space: Space) -> None:
    run(start(record, tiny_space, confirm=None))
    assert run(start(record, tiny_space)) == 6
    numbers = [c.number for c in record.candidates()]
    search = start(record, tiny_space, budget=BUDGET + 5)
    run(search)
    assert search.is_finished()
    candidates = record.candidates()
    assert [c.number for c in candidates][: len(numbers)] == numbers
    own = [c for c in candidates if c.confirms is None]
    assert sum(c.state in EVALUATED for c in own) == BUDGET + 5
    assert len({c.architecture.architecture_id for c in own}) == len(own)
    best = {c.number for _, c in ranked(candidates, Objective())[:3]}
    assert best <= {c.candidate.number for c in confirmed(candidates, Objective())}


def test_a_confirmation_that_failed_is_not_tried_again(record: Record, tiny_space: Space) -> None:
    run(start(record, tiny_space), steps=BUDGET)
    search = start(record, tiny_space)
    first = search.next_candidate()
    assert first is not None
    assert first.confirms is not None
    search.ended(replace(first, state=State.FAILED, cause="diverged"))
    assert run(search) == 5
    assert search.is_finished()
    assert start(record, tiny_space).is_finished()


def test_a_confirmations_lost_worker_is_made_up_for(record: Record, tiny_space: Space) -> None:
    run(start(record, tiny_space), steps=BUDGET)
    search = start(record, tiny_space)
    first = search.next_candidate()
    assert first is not None
    search.lost(first.number, "worker_lost", "it died")
    assert run(search) == 6
    assert [c.state for c in record.candidates() if c.confirms is not None] == [State.COMPLETE] * 6


def test_what_is_infeasible_does_not_count(record: Record, tiny_space: Space) -> None:
    search = start(record, tiny_space, budget=2, confirm=None, pruners=[])
    for _ in range(3):
        candidate = search.next_candidate()
        assert candidate is not None
        search.ended(replace(candidate, state=State.INFEASIBLE, cause="max_params", parameters=9))
    assert run(search) == 2
    assert search.is_finished()


def test_limits_that_nothing_meets_end_the_run_and_say_what_came_nearest(
    record: Record, tiny_space: Space
) -> None:
    search = start(record, tiny_space, failure_limit=FailureLimit(2))
    timed = StepTime((0.25,) * 6, (0.1,) * 6, 1, "cpu", 8, 4)
    said = ""
    for index in range(2 * INFEASIBLE_PER_FAILURE):
        candidate = search.next_candidate()
        assert candidate is not None
        over = replace(candidate, state=State.INFEASIBLE, parameters=5000 + index)
        slow = replace(over, cause="max_step_time", step_time=timed)
        ended = slow if index == 7 else replace(over, cause="max_params")
        if index < 2 * INFEASIBLE_PER_FAILURE - 1:
            search.ended(ended)
        else:
            with pytest.raises(HopelessRun) as caught:
                search.ended(ended)
            said = str(caught.value)
    assert said == (
        "gave up after 20 candidates in a row beyond the limits: --max-params 19 (the smallest "
        "5,000 parameters), --max-step-time 1 (the smallest 2.5 x the backbone's step)"
    )
