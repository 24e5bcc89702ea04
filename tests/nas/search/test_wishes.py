"""What people ask of a running search: networks go before those of the sampler, once each."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nas.search.driver import SearchDriver
from nas.search.failure_limit import FailureLimit
from nas.search.patient_record import PatientRecord
from nas.search.samplers.domain import Domain, ParameterCount
from nas.search.samplers.random import PermutationSampler
from nas.search.samplers.registry import SearchProblem, make_sampler
from nas.search.study import ProposalStudy
from nas.search.wishes import Wishes
from results.candidate import Candidate, State
from results.control import FOLDER, Requests
from results.record import Record
from reward.limits import Limits
from reward.objective import Objective
from search_space.architecture import Architecture
from search_space.space import Point, Space
from search_space.task import Task

BUDGET = 6
EVOLVED, MANY = 70, 100  # more than evolution's first population


@pytest.fixture
def requests(tmp_path: Path) -> Requests:
    return Requests(tmp_path)


def start(
    record: Record,
    space: Space,
    requests: Requests,
    starts: tuple[Architecture, ...] = (),
    sampler: str = "random",
    max_parameters: int | None = None,
) -> SearchDriver:
    known, limits = record.candidates(), Limits(max_parameters)
    domain = Domain(space, 3, ParameterCount(Task(4, 1)), max_parameters)
    made = make_sampler(sampler, SearchProblem(domain, Objective(), limits, ()))
    return SearchDriver(
        PatientRecord(record),
        ProposalStudy(space, made, Objective(), known, starts=starts, limits=limits),
        known,
        seed=3,
        budget=MANY if sampler == "evolution" else BUDGET,
        failure_limit=FailureLimit(10),
        space_size=space.size,
        listener=lambda candidate: None,
        wishes=Wishes(requests, space),
    )


def begun(search: SearchDriver) -> Candidate:
    candidate = search.next_candidate()
    assert candidate is not None
    return candidate


def end(search: SearchDriver, candidate: Candidate) -> None:
    search.ended(replace(candidate, state=State.COMPLETE, accuracy=0.5, reference_parameters=1))


def undrawn(space: Space) -> list[Point]:
    """Points of networks that the random sampler would draw after the budget."""
    return drawn(space)[BUDGET:]


def drawn(space: Space) -> list[Point]:
    """The first points that the random sampler draws."""
    sampler = PermutationSampler(space, seed=3)
    study = ProposalStudy(space, sampler, Objective(), [])
    found = [study.ask() for _ in range(BUDGET + 4)]
    return [dict(proposal.point) for proposal in found if proposal is not None]


def test_a_network_that_was_asked_for_is_the_next(
    record: Record, tiny_space: Space, requests: Requests
) -> None:
    first, second = undrawn(tiny_space)[:2]
    search = start(record, tiny_space, requests)
    before = begun(search)
    requests.ask_for(first)
    requests.ask_for(second)
    assert begun(search).proposal == first
    assert [wanted.point for wanted in requests.waiting()] == [second]
    assert begun(search).proposal == second
    assert requests.waiting() == []
    assert begun(search).proposal not in (before.proposal, first, second)


def test_it_counts_towards_the_budget(
    record: Record, tiny_space: Space, requests: Requests
) -> None:
    search = start(record, tiny_space, requests)
    requests.ask_for(undrawn(tiny_space)[0])
    while not search.is_finished():
        end(search, begun(search))
    assert len(record.candidates()) == BUDGET


def test_what_waits_outlives_the_process_and_is_evaluated_by_the_next(
    record: Record, tiny_space: Space, requests: Requests
) -> None:
    first, second = undrawn(tiny_space)[:2]
    dying = start(record, tiny_space, requests)
    requests.ask_for(first)
    asked = begun(dying)  # and dies with it under way
    requests.ask_for(second)
    resumed = start(record, tiny_space, requests)
    assert [begun(resumed).number, begun(resumed).proposal] == [asked.number, second]


def test_a_resumed_search_goes_on_as_it_would_have_gone(
    record: Record, tiny_space: Space, requests: Requests
) -> None:
    """Regularized evolution, whose children are those of the networks that it has been told."""
    search = start(record, tiny_space, requests, sampler="evolution")
    for _ in range(EVOLVED):
        end(search, begun(search))
    requests.ask_for(undrawn(tiny_space)[0])
    end(search, begun(search))
    rest = start(record, tiny_space, requests, sampler="evolution")
    assert [begun(rest).proposal for _ in range(3)] == [begun(search).proposal for _ in range(3)]


def test_a_network_that_the_sampler_has_none_like_left_is_evaluated_too(
    record: Record, tiny_space: Space, requests: Requests
) -> None:
    """None of the space has as few parameters as the sampler may propose."""
    point = undrawn(tiny_space)[0]
    requests.ask_for(point)
    search = start(record, tiny_space, requests, sampler="tpe", max_parameters=10)
    assert begun(search).proposal == point


def test_starts_come_first(record: Record, tiny_space: Space, requests: Requests) -> None:
    starts = tuple(tiny_space.decode(point) for point in undrawn(tiny_space)[:2])
    wanted = undrawn(tiny_space)[2]
    requests.ask_for(wanted)
    search = start(record, tiny_space, requests, starts)
    found = [begun(search).architecture for _ in range(3)]
    assert found == [*starts, tiny_space.decode(wanted)]


def test_one_that_was_evaluated_before_is_a_duplicate(
    record: Record, tiny_space: Space, requests: Requests
) -> None:
    search = start(record, tiny_space, requests)
    first = begun(search)
    requests.ask_for(dict(first.proposal))
    begun(search)
    duplicate = record.candidates()[1]
    assert (duplicate.state, duplicate.detail) == (
        State.DUPLICATE,
        f"the same network as candidate {first.number}",
    )
    assert requests.waiting() == []


@pytest.mark.parametrize("point", [{}, {"stage1.kernel": 99}, {"__class__": 3}])
def test_what_is_no_network_of_the_space_is_passed_over(
    record: Record, tiny_space: Space, requests: Requests, tmp_path: Path, point: dict[str, Any]
) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "next-1-a.json").write_text(json.dumps({"point": point}))
    (first, *_) = drawn(tiny_space)
    assert begun(start(record, tiny_space, requests)).proposal == first


def test_a_request_to_stop_ends_the_search_and_the_next_process_goes_on(
    record: Record, tiny_space: Space, requests: Requests
) -> None:
    search = start(record, tiny_space, requests)
    running = begun(search)
    requests.ask_to_stop()
    assert search.next_candidate() is None
    assert search.is_finished()
    assert requests.asks_to_stop()  # so that a page says so until the process has ended
    requests.forget_stop()  # as the run's lock does then
    assert search.is_finished()
    resumed = start(record, tiny_space, requests)
    assert not resumed.is_finished()
    assert begun(resumed).number == running.number
