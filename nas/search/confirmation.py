"""Which candidates are trained again, with other seeds, once a search's budget is spent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from results.candidate import Candidate, State
from results.ranking import ranked
from reward.objective import Objective


@dataclass(frozen=True)
class ConfirmationPlan:
    """The best ``candidates`` by reward are trained ``trainings`` times more, ``epochs`` each."""

    candidates: int
    trainings: int
    epochs: int


def due_confirmations(
    candidates: Sequence[Candidate], confirmation: ConfirmationPlan, objective: Objective
) -> list[Candidate]:
    """What is still to be trained: interrupted confirmations as they began, else the firsts.

    A first is named once for each training that it lacks. All have one more before any has two, so
    that those that are interrupted leave means of as many trainings each. One that failed is not
    tried again: it would fail on. Trainings of another length are not counted.
    """
    again = [candidate for candidate in candidates if candidate.confirms is not None]
    done = Counter(c.confirms for c in again if _counts(c, confirmation.epochs))
    best = [first for _, first in ranked(candidates, objective)[: confirmation.candidates]]
    missing = [
        first
        for training in range(confirmation.trainings)
        for first in best
        if done[first.number] <= training
    ]
    return [candidate for candidate in again if candidate.state is State.RUNNING] + missing


def _counts(candidate: Candidate, epochs: int) -> bool:
    return candidate.state is not State.COMPLETE or len(candidate.curve) == epochs
