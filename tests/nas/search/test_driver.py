"""The search driver, with a record but without workers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nas.search.confirmation import Baseline
from nas.search.driver import LOST_WORKER_TRIES, SearchDriver
from nas.search.failure_limit import FailureLimit, HopelessRun
from nas.search.patient_record import PatientRecord
from nas.search.samplers.domain import Domain, ParameterCount, candidate_seed
from nas.search.samplers.random import PermutationSampler
from nas.search.samplers.registry import SearchProblem, make_sampler
from nas.search.study import ProposalStudy
from results.candidate import BACKBONE, Candidate, CurvePoint, State
from results.database_url import sqlite_url
from results.record import Record
from reward.objective import Objective
from reward.step_time.measurement import StepTime
from scaling.coefficient_grid import CoefficientGrid
from scaling.scaled import Base, ImageSizes
from search_space.architecture import Architecture, Stage
from search_space.choices import StageChoices
from search_space.space import Space
from search_space.spaces import small
from search_space.task import Task


@pytest.fixture
def two_forms() -> Space:
    """A space of three architectures on a grid of eight: its last stage may be left out."""
    backbone = Architecture(
        (Stage("mbconv", 3, 1, 1, 4, 1, 0.25), Stage("mbconv", 3, 1, 1, 8, 1, 0.25)),
        stem_channels=4,
    )
    only = StageChoices(("mbconv",), (1,), (3,), (1,))
    return Space("three", backbone, (only, StageChoices(("mbconv",), (0, 1), (3,), (1, 2))))


def start(
    record: Record, space: Space, budget: int, max_failures: int = 10, **options: Any
) -> SearchDriver:
    known = record.candidates()
    proposals = ProposalStudy(space, PermutationSampler(space, seed=3), Objective(), known)
    return SearchDriver(
        PatientRecord(record),
        proposals,
        known,
        seed=3,
        budget=budget,
        failure_limit=FailureLimit(max_failures),
        space_size=space.size,
        listener=lambda candidate: None,
        **options,
    )


def complete(candidate: Candidate) -> Candidate:
    timed = StepTime((0.1,) * 6, (0.1,) * 6, 1, "cpu", 8, 4)
    return replace(
        candidate,
        state=State.COMPLETE,
        accuracy=0.5,
        parameters=1,
        reference_parameters=1,
        step_time=timed,
        curve=(CurvePoint(1, 1.0, 0.5, 0.1),),
    )


def failed(candidate: Candidate, cause: str = "diverged") -> Candidate:
    return replace(candidate, state=State.FAILED, cause=cause, detail="so it is")


def run(search: SearchDriver, steps: int = 10_000) -> list[Candidate]:
    """Evaluates candidates one by one, each a success; returns them."""
    done: list[Candidate] = []
    while not search.is_finished() and len(done) < steps:
        candidate = search.next_candidate()
        if candidate is None:
            break
        search.ended(complete(candidate))
        done.append(candidate)
    return done


def architectures(record: Record) -> dict[int, str]:
    return {
        c.number: c.architecture.architecture_id
        for c in record.candidates()
        if c.state is State.COMPLETE
    }


def test_ends_with_as_many_different_completed_candidates_as_the_budget(
    record: Record, tiny_space: Space
) -> None:
    search = start(record, tiny_space, budget=20)
    run(search)
    assert search.is_finished()
    found = architectures(record)
    assert len(found) == len(set(found.values())) == 20


def test_no_more_is_under_way_than_the_budget_needs(record: Record, tiny_space: Space) -> None:
    search = start(record, tiny_space, budget=3)
    taken = [search.next_candidate() for _ in range(4)]
    assert [c is None for c in taken] == [False, False, False, True]
    assert not search.is_finished()


def test_a_failed_candidate_is_made_up_for(record: Record, tiny_space: Space) -> None:
    search = start(record, tiny_space, budget=5)
    first = search.next_candidate()
    assert first is not None
    search.ended(failed(first))
    run(search)
    states = [c.state for c in record.candidates()]
    assert states == [State.FAILED] + [State.COMPLETE] * 5


def test_resuming_proposes_what_an_uninterrupted_search_would(
    record: Record, tiny_space: Space, tmp_path: Path
) -> None:
    run(start(record, tiny_space, budget=30))
    with Record.open(sqlite_url(tmp_path / "other.sqlite"), "run") as other:
        other.create({})
        run(start(other, tiny_space, budget=30), steps=7)
        dying = start(other, tiny_space, budget=30)
        lost = [dying.next_candidate() for _ in range(3)]  # dies with three under way
        resumed = start(other, tiny_space, budget=30)
        again = [resumed.next_candidate() for _ in range(3)]
        assert [c and c.number for c in again] == [c and c.number for c in lost] == [7, 8, 9]
        for candidate in again:
            assert candidate is not None
            resumed.ended(complete(candidate))
        run(resumed)
        assert architectures(other) == architectures(record)
        assert [c.seed for c in other.candidates()] == [candidate_seed(3, i) for i in range(30)]


def test_a_larger_budget_extends_a_finished_run(record: Record, tiny_space: Space) -> None:
    run(start(record, tiny_space, budget=4))
    before = architectures(record)
    search = start(record, tiny_space, budget=6)
    assert not search.is_finished()
    run(search)
    assert len(architectures(record)) == 6
    assert before.items() <= architectures(record).items()


def test_the_same_network_is_not_trained_twice(record: Record, two_forms: Space) -> None:
    search = start(record, two_forms, budget=100)
    trained = run(search)
    assert search.is_finished()
    assert len(trained) == two_forms.size == 3
    repeated = [c for c in record.candidates() if c.state is State.DUPLICATE]
    assert len(trained) + len(repeated) <= two_forms.grid_size
    names = {c.architecture.architecture_id: c.number for c in trained}
    for candidate in repeated:
        first = names[candidate.architecture.architecture_id]
        assert candidate.detail == f"the same network as candidate {first}"


def test_one_network_at_two_image_sizes_is_two_candidates(record: Record) -> None:
    base = Base("base", small(8).backbone, ImageSizes(8, 8))
    grid = CoefficientGrid(base)
    known: list[Candidate] = []
    proposals = ProposalStudy(grid, PermutationSampler(grid, 0), Objective(), known)
    search = SearchDriver(
        PatientRecord(record),
        proposals,
        known,
        0,
        grid.size,
        FailureLimit(10),
        grid.size,
        lambda candidate: None,
    )
    done = run(search)
    assert len(done) == grid.size > len({c.architecture.architecture_id for c in done})
    assert all(c.state is State.COMPLETE for c in record.candidates())
    again = ProposalStudy(grid, PermutationSampler(grid, 0), Objective(), record.candidates())
    more = SearchDriver(
        PatientRecord(record), again, record.candidates(), 0, grid.size + 1, FailureLimit(10),
        grid.size, lambda candidate: None,
    )  # fmt: skip
    assert run(more) == []


def test_a_space_whose_values_build_equal_networks_ends_all_the_same(record: Record) -> None:
    """Two stages of equal channels: (1, 2) and (2, 1) layers are two values and one network."""
    stage = Stage("mbconv", 3, 1, 1, 8, 1, 0.25)
    layers = StageChoices(("mbconv",), (1, 2), (3,), (1,))
    space = Space("equal", Architecture((stage, stage), stem_channels=8), (layers, layers))
    search = start(record, space, budget=100)
    assert len(run(search)) == 3 < space.size
    assert search.is_finished()


def test_too_many_failures_end_the_run_and_say_what_failed_most(
    record: Record, tiny_space: Space
) -> None:
    search = start(record, tiny_space, budget=50, max_failures=3)
    causes = ["out_of_memory", "diverged"]
    for cause in causes:
        candidate = search.next_candidate()
        assert candidate is not None
        search.ended(failed(candidate, cause))
    candidate = search.next_candidate()
    assert candidate is not None
    with pytest.raises(HopelessRun, match=r"3 failed .*most often diverged \(2\)"):
        search.ended(failed(candidate))
    assert [c.state for c in record.candidates()] == [State.FAILED] * 3


def test_a_lost_worker_is_tried_again_and_recorded_after_the_last_try(
    record: Record, tiny_space: Space
) -> None:
    search = start(record, tiny_space, budget=1)
    numbers = []
    for _ in range(LOST_WORKER_TRIES):
        candidate = search.next_candidate()
        assert candidate is not None
        numbers.append(candidate.number)
        assert search.next_candidate() is None
        search.lost(candidate.number, "worker_lost", "it died")
    assert numbers == [0] * LOST_WORKER_TRIES
    (stored,) = record.candidates()
    assert (stored.state, stored.cause, stored.detail) == (State.FAILED, "worker_lost", "it died")
    following = search.next_candidate()
    assert following is not None
    assert following.number == 1


def test_memory_that_ran_out_is_not_tried_again(record: Record, tiny_space: Space) -> None:
    search = start(record, tiny_space, budget=1)
    candidate = search.next_candidate()
    assert candidate is not None
    search.lost(candidate.number, "out_of_memory", "killed")
    assert [c.cause for c in record.candidates()] == ["out_of_memory"]


def baseline(space: Space, record: Record, trainings: int = 2) -> Baseline:
    return Baseline(space.backbone, trainings, record.candidates(), seed=3)


def test_the_backbone_is_trained_first_and_does_not_count(
    record: Record, tiny_space: Space
) -> None:
    ended = run(start(record, tiny_space, 4, baseline=baseline(tiny_space, record)))
    assert [candidate.confirms for candidate in ended] == [BACKBONE, BACKBONE, *[None] * 4]
    first, second = ended[:2]
    assert first.architecture == second.architecture == tiny_space.backbone
    assert (first.seed, second.seed) == (candidate_seed(3, 0), candidate_seed(3, 1))


def test_resuming_trains_the_backbone_no_further(record: Record, tiny_space: Space) -> None:
    run(start(record, tiny_space, 2, baseline=baseline(tiny_space, record)))
    ended = run(start(record, tiny_space, 3, baseline=baseline(tiny_space, record)))
    assert len(ended) == 1
    more = run(start(record, tiny_space, 3, baseline=baseline(tiny_space, record, 3)))
    assert [candidate.confirms for candidate in more] == [BACKBONE]


def test_an_interrupted_training_of_the_backbone_is_started_again(
    record: Record, tiny_space: Space
) -> None:
    search = start(record, tiny_space, 1, baseline=baseline(tiny_space, record))
    begun = search.next_candidate()
    assert begun is not None
    again = start(record, tiny_space, 1, baseline=baseline(tiny_space, record))
    numbers = [candidate.number for candidate in run(again)]
    assert numbers == [begun.number, 1, 2]


def test_a_failing_backbone_neither_ends_the_search_nor_is_tried_again(
    record: Record, tiny_space: Space
) -> None:
    options = {"baseline": baseline(tiny_space, record, 1)}
    search = start(record, tiny_space, 1, max_failures=1, **options)
    begun = search.next_candidate()
    assert begun is not None
    search.ended(failed(begun))
    assert len(run(search)) == 1
    assert baseline(tiny_space, record, 1).count_left() == 0


def test_what_is_left_bounds_the_workers(record: Record, tiny_space: Space) -> None:
    search = start(record, tiny_space, 3, baseline=baseline(tiny_space, record))
    assert search.count_left() == 5
    run(search, steps=4)
    known_left = search.count_left()
    again = start(record, tiny_space, 3, baseline=baseline(tiny_space, record))
    assert again.count_left() == known_left == 1
    run(again)
    assert again.count_left() == 0


def test_starts_come_first_among_the_proposals(record: Record, tiny_space: Space) -> None:
    """Their places do not depend on the numbers that the backbone's trainings take."""
    wanted = tiny_space.at(tiny_space.grid_size - 1)
    architecture = tiny_space.decode(wanted)
    for budget in (1, 2):
        known = record.candidates()
        sampler = PermutationSampler(tiny_space, seed=3)
        proposals = ProposalStudy(tiny_space, sampler, Objective(), known, starts=[architecture])
        search = SearchDriver(
            PatientRecord(record), proposals, known, 3, budget, FailureLimit(10), tiny_space.size,
            lambda candidate: None, baseline=baseline(tiny_space, record),
        )  # fmt: skip
        run(search)
    proposed = [c.architecture for c in record.candidates() if c.confirms is None]
    assert proposed[0] == architecture
    assert proposed[1] != architecture


def test_a_clock_that_is_set_back_changes_no_proposal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_space: Space
) -> None:
    """Two workers and a process that ends half-way, with a clock that is right, then one not."""

    def proposed(name: str, clock: Iterator[float]) -> list[str]:
        monkeypatch.setattr("nas.search.driver.time.time", lambda: next(clock))
        with Record.open(sqlite_url(tmp_path / name), "run") as record:
            record.create({})
            for steps in (12, 12):
                known = record.candidates()
                domain = Domain(tiny_space, 3, ParameterCount(Task(10, 1)))
                sampler = make_sampler("evolution", SearchProblem(domain, Objective()))
                proposals = ProposalStudy(tiny_space, sampler, Objective(), known)
                search = SearchDriver(
                    record=PatientRecord(record),
                    proposals=proposals,
                    known=known,
                    seed=3,
                    budget=60,
                    failure_limit=FailureLimit(10),
                    space_size=tiny_space.size,
                    listener=lambda candidate: None,
                )
                _evaluate_two_at_once(search, steps)
            return [c.architecture.architecture_id for c in record.candidates()]

    right = proposed("right.sqlite", (float(now) for now in range(10_000)))
    assert proposed("set-back.sqlite", (float(now) for now in range(10_000, 0, -1))) == right


def _evaluate_two_at_once(search: SearchDriver, steps: int) -> None:
    """Evaluate candidates, of which the later one ends first; leave none running."""
    for _ in range(steps):
        first, second = search.next_candidate(), search.next_candidate()
        for candidate in filter(None, (second, first)):
            accuracy = (int(candidate.architecture.architecture_id, 16) % 1000) / 1000
            search.ended(replace(complete(candidate), accuracy=accuracy, finished_at=time.time()))
