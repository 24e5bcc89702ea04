"""The search driver: Optuna proposes, an executor evaluates, the record keeps what ended."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count

from nas.search.confirmation import Baseline, Confirmations, FindDueConfirmations, Repeats
from nas.search.deadline import Deadline
from nas.search.failure_limit import FailureLimit
from nas.search.patient_record import PatientRecord
from nas.search.pruners.base import Pruner, first_stop, tell_pruners
from nas.search.samplers.domain import candidate_seed
from nas.search.study import Proposal, ProposalStudy
from nas.search.wishes import Wishes
from results.candidate import EVALUATED, Candidate, State
from results.database import RecordAway
from results.forecast import Plan

Listener = Callable[[Candidate], None]

LOST_WORKER_TRIES = 3
_MOST_DUPLICATES_IN_A_ROW = 2000  # after these the space counts as exhausted


class SearchDriver:
    """Drives one search between proposals, workers, and the record.

    It is the :class:`nas.search.executor.Driver` of a search:

    - The budget counts evaluated candidates, those that completed and those that a pruner stopped.
      One that failed or is infeasible is made up for by a further proposal.
    - An architecture that was proposed before in this run is recorded as a duplicate of the first
      and not trained.
    - Candidates that were running when an earlier process died are evaluated first.
    - Trainings of the backbone come first (:class:`nas.search.confirmation.Baseline`).
    - When the budget is spent, the best candidates are trained again if a confirmation is asked
      for (:class:`nas.search.confirmation.Confirmations`). ``nas proxy`` trains all again as it
      goes (:class:`nas.search.comparison.ProxyTrainings`).
    - A network that people ask for is proposed before those of the sampler, and a request to stop
      ends the search (:class:`nas.search.wishes.Wishes`).
    - Nothing begins that would not end in time (:class:`nas.search.deadline.Deadline`). When the
      time is up, what still runs is left, and is evaluated first by the next process.
    """

    def __init__(
        self,
        record: PatientRecord,
        proposals: ProposalStudy,
        known: list[Candidate],
        seed: int,
        budget: int,
        failure_limit: FailureLimit,
        space_size: int,
        listener: Listener,
        pruners: Sequence[Pruner] = (),
        confirm: FindDueConfirmations | None = None,
        baseline: Baseline | None = None,
        deadline: Deadline | None = None,
        repeats: Repeats | None = None,
        wishes: Wishes | None = None,
    ) -> None:
        """``known`` are the candidates of an earlier process of this run; ``listener`` is called
        with each candidate that starts, reports, or ends. ``repeats`` replace ``confirm``.
        ``wishes`` are what people ask of it while it runs.
        """
        self._record = record
        self._proposals = proposals
        self._seed = seed
        self._budget = budget
        self._failure_limit = failure_limit
        self._space_size = space_size
        self._listener = listener
        self._pruners = pruners
        self._baseline = baseline
        self._deadline = deadline or Deadline(Plan())
        self._repeats = repeats or Confirmations(confirm, record.candidates, seed)
        self._wishes = wishes or Wishes()
        searched = [candidate for candidate in known if candidate.confirms is None]
        unique = [candidate for candidate in searched if candidate.state is not State.DUPLICATE]
        self._to_restart = deque(c for c in searched if c.state is State.RUNNING)
        self._running: dict[int, Candidate] = {}
        self._first_number = {_identity(candidate): candidate.number for candidate in unique}
        # A start from outside the space has no point and does not count towards the space's size.
        self._proposed_count = sum(bool(candidate.proposal) for candidate in unique)
        self._asked = len(searched)
        self._evaluated = sum(candidate.state in EVALUATED for candidate in searched)
        self._losses: Counter[int] = Counter()  # lost workers by candidate
        self._is_exhausted = False
        self._events = count(1 + max(map(_last_event, known), default=0))
        self._is_time_up = False  # for candidates; confirmations may follow
        tell_pruners(pruners, known)

    def next_candidate(self) -> Candidate | None:
        """Return the next candidate; None while enough are running, or when all is done.

        None begins while the record is away.
        """
        is_idle = self._record.is_away or self._wishes.ask_to_stop()
        candidate = None if is_idle else self._next_in_time()
        if candidate is None:
            return None
        event = candidate.started_event or next(self._events)  # a restart keeps its place
        candidate = replace(candidate, started_at=time.time(), started_event=event)
        try:
            self._record.start(candidate)
        except RecordAway:  # it begins once the record is back
            self._try_again(candidate)
            return None
        self._wishes.recorded(candidate.number)
        self._running[candidate.number] = candidate
        self._deadline.began(candidate.number)
        self._listener(candidate)
        return candidate

    def is_finished(self) -> bool:
        """Return whether the budget, the space or the time is spent, and all is confirmed.

        Someone may also have asked the search to stop.
        """
        self._record.settle()
        if self._deadline.is_over() or self._wishes.ask_to_stop():
            return True
        if self._running or self._record.is_away or not self._is_searched():
            return False
        return not self._may_repeat() or not self._repeats.are_due()

    def count_left(self) -> int:
        """Return how many candidates and backbones are left to evaluate, confirmations aside."""
        baseline = self._baseline.count_left() if self._baseline else 0
        return max(0, self._budget - self._evaluated) + baseline

    def progressed(self, candidate: Candidate) -> bool:
        """Return whether a pruner stops the candidate here; if so, it is recorded as ended."""
        stopped = first_stop(candidate, self._pruners) if candidate.confirms is None else None
        if stopped is None:
            self._listener(candidate)
            return False
        self.ended(stopped)
        return True

    def ended(self, candidate: Candidate) -> None:
        """Record a candidate that ended.

        Raises:
            HopelessRun: too many have failed, or none is feasible.
            RecordError: the record is damaged.
        """
        candidate = replace(candidate, ended_event=next(self._events))
        self._record.finish(candidate)
        del self._running[candidate.number]
        self._deadline.ended(candidate)
        self._repeats.ended(candidate)
        if candidate.confirms is None:
            self._evaluated += candidate.state in EVALUATED
            self._proposals.tell(candidate)
            tell_pruners(self._pruners, [candidate])
        self._listener(candidate)
        if not candidate.is_backbone:
            self._failure_limit.ended(candidate)

    def lost(self, number: int, cause: str, detail: str) -> None:
        """Handle a trial that ended without a result.

        A candidate whose worker was lost is tried again; after the last try, and for any other
        cause, which lies in the candidate, its failure is recorded.
        """
        self._losses[number] += 1
        if cause == "worker_lost" and self._losses[number] < LOST_WORKER_TRIES:
            self._deadline.lost(number)
            self._try_again(self._running.pop(number))
            return
        candidate = replace(
            self._running[number],
            state=State.FAILED,
            cause=cause,
            detail=detail,
            finished_at=time.time(),
        )
        self.ended(candidate)

    def _try_again(self, candidate: Candidate) -> None:
        if candidate.is_backbone and self._baseline:
            self._baseline.try_again(candidate)
            return
        if candidate.confirms is not None:
            self._repeats.try_again(candidate)
            return
        # It starts from its first epoch, so pruners forget what it has reported.
        tell_pruners(self._pruners, [replace(candidate, state=State.FAILED)])
        self._to_restart.append(candidate)

    def _is_searched(self) -> bool:
        """Whether nothing is left to propose, whatever may still be confirmed."""
        if self._is_time_up or self._repeats.are_enough():
            return not self._count_running()
        if self._baseline and self._baseline.count_left():
            return False
        is_idle = not self._count_running() and not self._to_restart
        return self._evaluated >= self._budget or (self._is_exhausted and is_idle)

    def _count_running(self) -> int:
        return sum(candidate.confirms is None for candidate in self._running.values())

    def _next_in_time(self) -> Candidate | None:
        """Return the next training that would end in time: backbone, candidate, confirmation."""
        # Once too late, it stays so, though the estimate may fall: confirmations have begun.
        self._is_time_up = self._is_time_up or not self._deadline.allows_candidate()
        candidate = self._next_repeat() if self._repeats.come_first else None
        if candidate is None and not self._is_time_up and not self._repeats.are_enough():
            candidate = self._baseline.next(self._proposals.reserve) if self._baseline else None
            candidate = candidate or self._next_of_search()
        if candidate is None and self._is_searched():
            candidate = self._next_repeat()
        return candidate

    def _next_repeat(self) -> Candidate | None:
        return self._repeats.next(self._proposals.reserve) if self._may_repeat() else None

    def _may_repeat(self) -> bool:
        return not self._repeats.are_enough() and self._deadline.allows_confirmation()

    def _next_of_search(self) -> Candidate | None:
        if self._evaluated + self._count_running() >= self._budget:
            return None
        return self._to_restart.popleft() if self._to_restart else self._propose()

    def _propose(self) -> Candidate | None:
        """Return the next architecture that is new in this run; record duplicates on the way."""
        for _ in range(_MOST_DUPLICATES_IN_A_ROW):
            if self._record.is_away:
                return None
            if self._proposed_count >= self._space_size:
                break
            proposal = self._ask()
            if proposal is None:
                break
            # Where others are trained in between, numbers depend on how long that takes.
            place = self._asked if self._repeats.come_first else proposal.number
            self._asked += 1
            candidate = Candidate(
                number=proposal.number,
                state=State.RUNNING,
                architecture=proposal.architecture,
                seed=candidate_seed(self._seed, place),
                proposal=proposal.point,
                image_size=proposal.image_size,
                started_at=time.time(),
            )
            first = self._first_number.setdefault(_identity(candidate), proposal.number)
            if first == proposal.number:
                self._proposed_count += bool(proposal.point)
                return candidate
            self._record_duplicate(candidate, first)
        self._is_exhausted = True
        return None

    def _ask(self) -> Proposal | None:
        """Ask for the next proposal: a start, a network that someone asked for, or a drawn one."""
        wanted = None if self._proposals.are_starts_left else self._wishes.next()
        proposal = self._proposals.ask(None if wanted is None else wanted.point)
        if wanted and proposal:
            self._wishes.proposed(proposal.number, wanted)
        return proposal

    def _record_duplicate(self, candidate: Candidate, first: int) -> None:
        duplicate = replace(
            candidate,
            state=State.DUPLICATE,
            cause="duplicate",
            detail=f"the same network as candidate {first}",
            finished_at=time.time(),
            started_event=next(self._events),
            ended_event=next(self._events),
        )
        self._record.finish(duplicate)
        self._wishes.recorded(candidate.number)
        self._proposals.tell(duplicate)


def _identity(candidate: Candidate) -> tuple[str, int | None]:
    """Return what makes two candidates of a run the same: the network and its image size."""
    return candidate.architecture.architecture_id, candidate.image_size


def _last_event(candidate: Candidate) -> int:
    return max(candidate.started_event or 0, candidate.ended_event or 0)
