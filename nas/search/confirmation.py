"""Confirmations: the best candidates are trained again with other seeds at the end of a search."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from results.candidate import Candidate, State
from results.ranking import ranked
from reward.objective import Objective


@dataclass(frozen=True)
class ConfirmationPlan:
    """How many of the best candidates to train again, how often each, and for how many epochs."""

    candidates: int
    trainings: int
    epochs: int


def due_confirmations(
    candidates: Sequence[Candidate], confirmation: ConfirmationPlan, objective: Objective
) -> list[Candidate]:
    """Return what is still to be trained again.

    First come interrupted confirmations, as they were started. Then comes each of the best
    candidates, once for each training that it still needs. All get one more training before any
    gets a second one, so that an interrupted search leaves means over equally many trainings.

    A failed confirmation is not repeated, since it would fail again. A confirmation of another
    length does not count as done.
    """
    confirmations = [candidate for candidate in candidates if candidate.confirms is not None]
    done = Counter(c.confirms for c in confirmations if _counts_as_done(c, confirmation.epochs))
    best = [candidate for _, candidate in ranked(candidates, objective)[: confirmation.candidates]]
    missing = [
        candidate
        for training in range(confirmation.trainings)
        for candidate in best
        if done[candidate.number] <= training
    ]
    interrupted = [c for c in confirmations if c.state is State.RUNNING]
    return interrupted + missing


def _counts_as_done(candidate: Candidate, epochs: int) -> bool:
    return candidate.state is not State.COMPLETE or len(candidate.curve) == epochs
