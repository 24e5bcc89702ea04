"""The study that proposes candidates, new and rebuilt from a record."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nas.search.samplers.domain import candidate_seed
from nas.search.samplers.random import PermutationSampler
from nas.search.study import ProposalStudy
from results.candidate import Candidate, CurvePoint, State
from reward.objective import Objective
from reward.step_time.measurement import StepTime
from search_space.architecture import Architecture
from search_space.published import published
from search_space.space import Space

OUTSIDE = published("efficientnet-b0").architecture


def proposals(
    space: Space, known: list[Candidate] | None = None, starts: tuple[Architecture, ...] = ()
) -> ProposalStudy:
    return ProposalStudy(space, PermutationSampler(space, 7), Objective(), known or [], starts)


def ended(number: int, architecture: Architecture, state: State = State.COMPLETE) -> Candidate:
    return Candidate(
        number=number,
        state=state,
        architecture=architecture,
        seed=candidate_seed(7, number),
        accuracy=0.5,
        parameters=1,
        reference_parameters=1,
        step_time=StepTime((0.1,), (0.1,), 1, "cpu", 8, 4),
        curve=(CurvePoint(1, 1.0, 0.5, 0.1),),
        started_at=float(number),
        finished_at=number + 0.5,
    )


def taken(source: ProposalStudy, count: int) -> list[tuple[int, str]]:
    """Return numbers and architectures of the next proposals, each of which completes."""
    found = []
    for _ in range(count):
        proposal = source.ask()
        assert proposal is not None
        source.tell(ended(proposal.number, proposal.architecture))
        found.append((proposal.number, proposal.architecture.architecture_id))
    return found


def test_starts_come_first_and_once(tiny_space: Space) -> None:
    starts = (tiny_space.backbone, OUTSIDE)
    found = taken(proposals(tiny_space, starts=starts), 4)
    assert [name for _, name in found[:2]] == [start.architecture_id for start in starts]
    assert [number for number, _ in found] == [0, 1, 2, 3]
    assert found[2:] == taken(proposals(tiny_space), 4)[2:]


@pytest.mark.parametrize("interrupted", [0, 1, 2, 3])
def test_a_resumed_search_does_not_start_again(tiny_space: Space, interrupted: int) -> None:
    starts = (OUTSIDE, tiny_space.backbone)
    first = proposals(tiny_space, starts=starts)
    known = []
    for _ in range(interrupted):
        proposal = first.ask()
        assert proposal is not None
        known.append(ended(proposal.number, proposal.architecture))
        first.tell(known[-1])
    resumed = proposals(tiny_space, known, starts)
    assert taken(resumed, 3) == taken(first, 3)


def test_a_start_has_its_point_if_the_space_contains_it(
    tiny_space: Space,
) -> None:
    source = proposals(tiny_space, starts=(tiny_space.backbone, OUTSIDE))
    inside, outside = source.ask(), source.ask()
    assert inside is not None
    assert outside is not None
    assert tiny_space.decode(inside.point) == tiny_space.backbone
    assert outside.point == {}


def test_numbers_go_on_after_confirmations_and_gaps(tiny_space: Space) -> None:
    other = tiny_space.decode(tiny_space.at(5))
    confirmation = replace(ended(1, tiny_space.backbone), confirms=0)
    known = [ended(0, tiny_space.backbone), confirmation, ended(4, other)]
    following = proposals(tiny_space, known).ask()
    assert following is not None
    assert following.number == 5


def test_a_reserved_number_is_not_proposed(tiny_space: Space) -> None:
    source = proposals(tiny_space)
    assert [number for number, _ in taken(source, 1)] == [0]
    assert source.reserve() == 1
    assert [number for number, _ in taken(source, 1)] == [2]


def test_a_candidate_that_was_running_can_still_end(tiny_space: Space) -> None:
    running = replace(ended(0, tiny_space.backbone, State.RUNNING), accuracy=None, curve=())
    source = proposals(tiny_space, [running])
    source.tell(ended(0, tiny_space.backbone))
    assert [number for number, _ in taken(source, 1)] == [1]
