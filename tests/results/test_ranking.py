"""The reward equals the paper's formula, and the best candidate has the highest reward."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from results.candidate import Candidate, State
from results.ranking import best, normalized_step_time, reward
from reward.objective import Objective

MakeCandidate = Callable[..., Candidate]


def test_the_reward_is_that_of_the_paper(make_candidate: MakeCandidate) -> None:
    candidate = make_candidate()  # accuracy 0.75, half the step time, half the parameters
    assert normalized_step_time(candidate) == pytest.approx(0.5)
    assert reward(candidate, Objective()) == pytest.approx(0.75 * 0.5**-0.07 * 0.5**-0.05)


@pytest.mark.parametrize(
    "changes",
    [
        {"accuracy": None},
        {"step_time": None},
        {"parameters": None},
        {"reference_parameters": None},
        {"state": State.FAILED},
        {"state": State.STOPPED},
    ],
)
def test_an_incomplete_candidate_has_no_reward(
    make_candidate: MakeCandidate, changes: dict[str, object]
) -> None:
    candidate = make_candidate(**changes)
    assert reward(candidate, Objective()) is None
    assert best([candidate], Objective()) is None


def test_the_best_of_equals_has_the_lowest_number(make_candidate: MakeCandidate) -> None:
    candidates = [make_candidate(n, accuracy=a) for n, a in [(3, 0.9), (2, 0.9), (1, 0.1)]]
    winner = best(candidates, Objective())
    assert winner is not None
    assert winner.number == 2
