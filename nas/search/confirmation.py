"""Trainings besides the budget: the backbone's, and those that confirm the best candidates."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from nas.search.samplers.domain import candidate_seed
from results.candidate import BACKBONE, Candidate, State
from results.ranking import ranked
from reward.objective import Objective
from search_space.architecture import Architecture


class Repeats(Protocol):
    """Trainings of candidates that have been trained before, as a search's driver asks for them.

    They come after the search, or if they ``come_first``, as soon as they are due.
    """

    come_first: bool

    def are_due(self) -> bool:
        """Return whether a training is left to start."""

    def next(self, reserve_number: Callable[[], int]) -> Candidate | None:
        """Return the next training as a candidate; None if none is left.

        ``reserve_number`` gives it a number that no proposal gets.
        """

    def try_again(self, candidate: Candidate) -> None:
        """Put a training back whose worker was lost."""

    def ended(self, candidate: Candidate) -> None:
        """Take note of any training of the run that ended."""

    def are_enough(self) -> bool:
        """Return whether all that was to be learnt is known, so that nothing more need begin."""


FindDueConfirmations = Callable[[list[Candidate]], list[Candidate]]
"""From all candidates of a run to those still to be trained again (:func:`due_confirmations`)."""


@dataclass(frozen=True)
class ConfirmationPlan:
    """How many of the best candidates to train again, how often each, and for how many epochs."""

    candidates: int
    trainings: int
    epochs: int


def due_confirmations(
    candidates: Sequence[Candidate], plan: ConfirmationPlan, objective: Objective
) -> list[Candidate]:
    """Return what is still to be trained again.

    First come interrupted confirmations, as they were started. Then comes each of the best
    candidates, once for each training that it still needs. All get one more training before any
    gets a second one, so that an interrupted search leaves means over equally many trainings.

    A failed confirmation is not repeated, since it would fail again. A confirmation of another
    length does not count as done.
    """
    confirmations = [
        candidate
        for candidate in candidates
        if candidate.confirms is not None and not candidate.is_backbone
    ]
    done = Counter(c.confirms for c in confirmations if _counts_as_done(c, plan.epochs))
    best = [candidate for _, candidate in ranked(candidates, objective)[: plan.candidates]]
    missing = [
        candidate
        for training in range(plan.trainings)
        for candidate in best
        if done[candidate.number] <= training
    ]
    interrupted = [c for c in confirmations if c.state is State.RUNNING]
    return interrupted + missing


def _counts_as_done(candidate: Candidate, epochs: int) -> bool:
    return candidate.state is not State.COMPLETE or len(candidate.curve) == epochs


class Baseline:
    """The trainings of the space's backbone, which come first in a search.

    They show what the candidates must beat, and how much accuracy differs between seeds.
    """

    def __init__(
        self, backbone: Architecture, trainings: int, known: Sequence[Candidate], seed: int
    ) -> None:
        """``known`` are the run's candidates so far, ``seed`` is the run's."""
        ours = [candidate for candidate in known if candidate.is_backbone]
        self._backbone = backbone
        self._seed = seed
        self._to_restart = deque(c for c in ours if c.state is State.RUNNING)
        self._left = max(0, trainings - len(ours))  # a failed one would fail again

    def count_left(self) -> int:
        """Return how many trainings are left to start."""
        return len(self._to_restart) + self._left

    def next(self, reserve_number: Callable[[], int]) -> Candidate | None:
        """Return the next training of the backbone; None if none is left."""
        if self._to_restart:
            return self._to_restart.popleft()
        if not self._left:
            return None
        self._left -= 1
        number = reserve_number()
        seed = candidate_seed(self._seed, number)
        return Candidate(number, State.RUNNING, self._backbone, seed, confirms=BACKBONE)

    def try_again(self, candidate: Candidate) -> None:
        """Put a training back whose worker was lost."""
        self._to_restart.append(candidate)


class Confirmations:
    """The queue of trainings that confirm a search's best candidates (:class:`Repeats`).

    It is filled when it is first asked, which must be after the search itself is over: only then
    are the best candidates known.
    """

    come_first = False

    def __init__(
        self,
        find_due: FindDueConfirmations | None,
        candidates: Callable[[], list[Candidate]],
        seed: int,
    ) -> None:
        """``find_due`` is None where nothing is to be confirmed; ``candidates`` reads the record;
        ``seed`` is the run's."""
        self._find_due = find_due
        self._candidates = candidates
        self._seed = seed
        self._queue: deque[Candidate] | None = None if find_due else deque()

    def are_due(self) -> bool:
        """Return whether a training is left to start."""
        return bool(self._due())

    def next(self, reserve_number: Callable[[], int]) -> Candidate | None:
        """Return the next training; it has another seed, unless it was interrupted."""
        if not self._due():
            return None
        candidate = self._due().popleft()
        if candidate.confirms is not None:  # interrupted
            return candidate
        number = reserve_number()
        return Candidate(
            number=number,
            state=State.RUNNING,
            architecture=candidate.architecture,
            seed=candidate_seed(self._seed, number),
            proposal=candidate.proposal,
            image_size=candidate.image_size,
            confirms=candidate.number,
        )

    def try_again(self, candidate: Candidate) -> None:
        """Put a confirmation back whose worker was lost."""
        self._due().append(candidate)

    def ended(self, candidate: Candidate) -> None:
        """Do nothing: which candidates are the best is read from the record."""

    def are_enough(self) -> bool:
        """Return False: all confirmations are to be made."""
        return False

    def _due(self) -> deque[Candidate]:
        if self._queue is None:
            assert self._find_due is not None
            self._queue = deque(self._find_due(self._candidates()))
        return self._queue
