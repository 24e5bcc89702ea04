"""The time of a search: what may begin, by a clock that the test sets."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from nas.search.confirmation import Baseline, ConfirmationPlan, due_confirmations
from nas.search.deadline import Deadline, is_cut_short
from nas.search.driver import SearchDriver
from nas.search.failure_limit import FailureLimit
from nas.search.patient_record import PatientRecord
from nas.search.samplers.random import PermutationSampler
from nas.search.study import ProposalStudy
from results.candidate import BACKBONE, Candidate, State
from results.forecast import Plan
from results.record import Record
from reward.objective import Objective
from reward.step_time.measurement import StepTime
from search_space.space import Space
from search_space.spaces import small

CONFIRM_TWO_TWICE = partial(
    due_confirmations, plan=ConfirmationPlan(2, 2, epochs=0), objective=Objective()
)
TIMED = StepTime((0.1,) * 6, (0.1,) * 6, 1, "cpu", 8, 4)


@dataclass
class Run:
    """A search whose trainings take as long as the test says, on one worker or several."""

    record: Record
    space: Space
    plan: Plan
    now_s: float = 0.0
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = self.record.candidates()
        self.search = SearchDriver(
            PatientRecord(self.record),
            ProposalStudy(self.space, PermutationSampler(self.space, 3), Objective(), known),
            known,
            seed=3,
            budget=int(min(self.plan.budget, self.space.size)),
            failure_limit=FailureLimit(10),
            space_size=self.space.size,
            listener=lambda candidate: None,
            deadline=Deadline(self.plan, known, clock=lambda: self.now_s),
            **self.options,
        )

    def begin(self) -> Candidate:
        """Begin the next training, of which there must be one."""
        candidate = self.search.next_candidate()
        assert candidate is not None
        return candidate

    def end(self, candidate: Candidate, state: State = State.COMPLETE) -> None:
        """End a training now; a real one records the times, which are those of the clock here."""
        self.search.ended(
            replace(
                candidate,
                state=state,
                accuracy=0.5,
                parameters=1,
                reference_parameters=1,
                step_time=TIMED,
                started_at=0.0,
                finished_at=10.0,
            )
        )

    def train(self, seconds: float, state: State = State.COMPLETE) -> Candidate:
        """Do one training, alone."""
        candidate = self.begin()
        self.now_s += seconds
        self.end(candidate, state)
        return candidate

    def train_all(self, seconds: float, confirmation: float | None = None) -> list[Candidate]:
        """Do trainings one by one, until there is none that may begin."""
        done = []
        while not self.search.is_finished():
            if (candidate := self.search.next_candidate()) is None:
                break
            self.now_s += seconds if candidate.confirms is None else confirmation or seconds
            self.end(candidate)
            done.append(candidate)
        return done


def test_no_candidate_begins_that_would_not_end(record: Record, tiny_space: Space) -> None:
    """Of 10 s each, ten fit into 105 s; an eleventh would end at 110 s."""
    run = Run(record, tiny_space, Plan(until=105.0))
    assert len(run.train_all(10.0)) == 10
    assert run.now_s == 100.0
    assert run.search.is_finished()


def test_one_that_ends_just_in_time_begins(record: Record, tiny_space: Space) -> None:
    assert len(Run(record, tiny_space, Plan(until=100.0)).train_all(10.0)) == 10


def test_a_budget_that_is_spent_before_ends_the_search(record: Record, tiny_space: Space) -> None:
    run = Run(record, tiny_space, Plan(budget=3, until=100.0))
    assert len(run.train_all(10.0)) == 3
    assert run.search.is_finished()


def test_the_estimate_is_the_90th_percentile_of_complete_trainings(
    record: Record, tiny_space: Space
) -> None:
    """Of ten durations from 1 to 10 s, nine took 9 s at most; those that failed do not count."""
    run = Run(record, tiny_space, Plan(until=64.0 + 1.0))
    for seconds in range(1, 11):
        run.train(seconds)
    assert run.now_s == 55.0
    run.train(1.0, state=State.FAILED)
    assert run.search.next_candidate() is not None  # 56 + 9 s is in time
    run.now_s = 56.5
    assert run.search.next_candidate() is None


def test_with_few_trainings_the_longest_counts(record: Record, tiny_space: Space) -> None:
    run = Run(record, tiny_space, Plan(until=50.0))
    run.train(20.0)
    run.train(5.0)
    run.train(6.0)
    assert run.search.next_candidate() is None
    assert run.search.is_finished()


def test_what_runs_when_the_time_is_up_is_left_for_a_later_process(
    record: Record, tiny_space: Space
) -> None:
    run = Run(record, tiny_space, Plan(until=50.0))
    first, second = run.begin(), run.begin()
    run.now_s = 49.0
    assert not run.search.is_finished()
    run.now_s = 50.0
    assert run.search.is_finished()
    assert [c.state for c in record.candidates()] == [State.RUNNING] * 2
    again = Run(record, tiny_space, Plan(until=100.0), now_s=60.0)
    assert [again.begin().number for _ in range(2)] == [first.number, second.number]


def test_a_running_candidate_is_awaited_while_there_is_time(
    record: Record, tiny_space: Space
) -> None:
    run = Run(record, tiny_space, Plan(until=50.0))
    run.train(20.0)
    slow = run.begin()
    run.now_s = 35.0
    assert run.search.next_candidate() is None
    assert not run.search.is_finished()
    run.end(slow)
    assert run.search.is_finished()


def test_the_backbone_is_trained_only_in_time(record: Record, tiny_space: Space) -> None:
    baseline = Baseline(tiny_space.backbone, 3, [], seed=3)
    run = Run(record, tiny_space, Plan(until=25.0), options={"baseline": baseline})
    assert [c.confirms for c in run.train_all(10.0)] == [BACKBONE] * 2
    assert run.search.is_finished()


def confirming(record: Record, space: Space, until: float, factor: float = 1.0) -> Run:
    plan = Plan(until=until, confirmations=4, confirmation_factor=factor)
    return Run(record, space, plan, options={"confirm": CONFIRM_TWO_TWICE})


def kinds(done: list[Candidate]) -> str:
    """``s`` for each candidate of the search, ``c`` for each confirmation."""
    return "".join("s" if c.confirms is None else "c" for c in done)


def test_confirmations_get_their_share_of_the_time(record: Record, tiny_space: Space) -> None:
    """Four of 10 s on one worker need the last 40 of 100 s."""
    run = confirming(record, tiny_space, until=100.0)
    assert kinds(run.train_all(10.0)) == "ssssss" + "cccc"
    assert run.search.is_finished()


def test_longer_confirmations_get_a_larger_share_but_at_most_half(
    record: Record, tiny_space: Space
) -> None:
    """At three times the length they would need 120 of 100 s, and get 50, enough for one."""
    run = confirming(record, tiny_space, until=100.0, factor=3.0)
    assert kinds(run.train_all(10.0, confirmation=30.0)) == "sssss" + "c"
    assert run.search.is_finished()


def test_workers_share_the_time_of_confirmations(record: Record, tiny_space: Space) -> None:
    """Four trainings on two workers are two rounds: candidates may end at 80 of 100 s."""
    run = confirming(record, tiny_space, until=100.0)
    searched = 0
    while (first := run.search.next_candidate()) is not None and first.confirms is None:
        second = run.begin()
        run.now_s += 10.0
        run.end(first)
        run.end(second)
        searched += 2
    assert (searched, run.now_s) == (16, 80.0)


def test_confirmations_that_would_not_end_are_left_out(record: Record, tiny_space: Space) -> None:
    """They turn out to take twice as long, so the third of four would end too late."""
    run = confirming(record, tiny_space, until=100.0)
    for _ in range(6):
        run.train(10.0)
    assert kinds(run.train_all(20.0)) == "cc"
    assert run.search.is_finished()


def test_a_later_process_knows_how_long_candidates_take(record: Record, tiny_space: Space) -> None:
    Run(record, tiny_space, Plan(until=15.0)).train_all(10.0)
    again = Run(record, tiny_space, Plan(until=9.0))
    assert again.search.next_candidate() is None
    assert again.search.is_finished()
    assert Run(record, tiny_space, Plan(until=10.0)).search.next_candidate() is not None


def test_a_lost_candidate_begins_again_only_in_time(record: Record, tiny_space: Space) -> None:
    run = Run(record, tiny_space, Plan(until=50.0))
    run.train(20.0)
    run.search.lost(run.begin().number, "worker_lost", "it died")
    assert run.begin().number == 1
    run.now_s = 31.0
    run.search.lost(1, "worker_lost", "it died")
    assert run.search.next_candidate() is None
    assert run.search.is_finished()


def test_a_search_says_that_its_time_was_up_only_if_it_was() -> None:
    now_s = time.time()
    done = [
        Candidate(
            number,
            State.COMPLETE,
            small().backbone,
            0,
            accuracy=0.5,
            started_at=now_s - 100,
            finished_at=now_s,
        )
        for number in range(4)
    ]
    plan = Plan(budget=10, until=now_s + 50, confirmations=2)
    assert is_cut_short(plan, done)
    assert not is_cut_short(replace(plan, until=now_s + 1000), done)  # a space that is used up
    assert not is_cut_short(replace(plan, until=math.inf), done)
    assert is_cut_short(replace(plan, budget=4), done)  # without its confirmations
    assert not is_cut_short(replace(plan, budget=4, confirmations=0), done)
