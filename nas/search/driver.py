"""The search: Optuna proposes, Ray's workers evaluate, the record remembers."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from nas.errors import UserError
from nas.search.pruners.base import Pruner, first_stop, tell_pruners
from nas.search.seeds import candidate_seed
from nas.search.study import ProposalStudy
from results.candidate import EVALUATED, Candidate, State
from results.database import RecordError
from results.record import Record
from reward.step_time.measurement import normalized

Listener = Callable[[Candidate], None]


# What is still to be trained again, of the candidates of a search that is over otherwise.
DueConfirmations = Callable[[list[Candidate]], list[Candidate]]


# So many proposals without a new architecture, and the space counts as used up.
_REPETITIONS_IN_A_ROW = 2000


LOST_WORKER_TRIES = 3


_WRITE_ATTEMPTS, _WRITE_PAUSE_S = 5, 2.0


class Search:
    """Drives one search, between proposals, workers and the record.

    The budget counts evaluated candidates, complete or stopped by a rule, so one that failed or is
    not feasible is made up for by a further proposal. An architecture that was proposed before in
    this run is recorded as a duplicate of it, and not trained. What was running when an earlier
    process died is evaluated first. When the budget is spent, the best are trained again if a
    confirmation is asked for.
    """

    def __init__(
        self,
        record: Record,
        proposals: ProposalStudy,
        known: list[Candidate],
        seed: int,
        budget: int,
        patience: Patience,
        space_size: int,
        listener: Listener,
        rules: Sequence[Pruner] = (),
        confirm: DueConfirmations | None = None,
    ) -> None:
        self._record = record
        self._proposals = proposals
        self._seed = seed
        self._budget = budget
        self._patience = patience
        self._space_size = space_size
        self._listener = listener
        self._rules = rules
        self._confirm = confirm
        self._confirmations: deque[Candidate] | None = None if confirm else deque()
        own = [candidate for candidate in known if candidate.confirms is None]
        self._interrupted = deque(c for c in own if c.state is State.RUNNING)
        self._running: dict[int, Candidate] = {}
        self._numbers = {_identity(c): c.number for c in own if c.state is not State.DUPLICATE}
        # Starts that the space does not hold have no proposal, and use up nothing of it.
        self._proposed = sum(bool(c.proposal) for c in own if c.state is not State.DUPLICATE)
        self._evaluated = sum(c.state in EVALUATED for c in own)
        self._losses: Counter[int] = Counter()  # lost workers by candidate
        self._is_used_up = False
        tell_pruners(rules, known)

    def next_candidate(self) -> Candidate | None:
        """The next to evaluate; None while enough are under way, or when all is done."""
        candidate = self._next_of_search() or self._next_confirmation()
        if candidate is None:
            return None
        candidate = replace(candidate, started_at=time.time())
        self._write(self._record.start, candidate)
        self._running[candidate.number] = candidate
        self._listener(candidate)
        return candidate

    def is_finished(self) -> bool:
        """Whether the budget is spent, or the space used up, and what is to be confirmed is."""
        return self._is_searched() and not (self._running or self._due())

    def progressed(self, candidate: Candidate) -> bool:
        """Whether a rule stops the candidate here, which is recorded then."""
        stops = first_stop(candidate, self._rules) if candidate.confirms is None else None
        if stops is None:
            self._listener(candidate)
            return False
        self.ended(stops)
        return True

    def ended(self, candidate: Candidate) -> None:
        """Records how a candidate ended.

        Raises:
            HopelessRun: too many have failed, or none is feasible.
        """
        self._write(self._record.finish, candidate)
        del self._running[candidate.number]
        if candidate.confirms is None:
            self._evaluated += candidate.state in EVALUATED
            self._proposals.tell(candidate)
            tell_pruners(self._rules, [candidate])
        self._listener(candidate)
        self._patience.ended(candidate)

    def lost(self, number: int, cause: str, detail: str) -> None:
        """Tries a candidate again whose worker was lost, and records it after the last try.

        Any other cause is the candidate's own, and is not tried again.
        """
        self._losses[number] += 1
        if cause == "worker_lost" and self._losses[number] < LOST_WORKER_TRIES:
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
        if candidate.confirms is not None:
            self._due().append(candidate)
            return
        tell_pruners(self._rules, [replace(candidate, state=State.FAILED)])  # it begins anew
        self._interrupted.append(candidate)

    def _is_searched(self) -> bool:
        is_idle = not self._under_way() and not self._interrupted
        return self._evaluated >= self._budget or (self._is_used_up and is_idle)

    def _under_way(self) -> int:
        return sum(candidate.confirms is None for candidate in self._running.values())

    def _next_of_search(self) -> Candidate | None:
        if self._evaluated + self._under_way() >= self._budget:
            return None
        return self._interrupted.popleft() if self._interrupted else self._propose()

    def _next_confirmation(self) -> Candidate | None:
        if not self._is_searched() or not self._due():
            return None
        candidate = self._due().popleft()
        if candidate.confirms is not None:  # interrupted
            return candidate
        number = self._proposals.reserve()
        return Candidate(
            number=number,
            state=State.RUNNING,
            architecture=candidate.architecture,
            seed=candidate_seed(self._seed, number),
            proposal=candidate.proposal,
            image_size=candidate.image_size,
            confirms=candidate.number,
        )

    def _due(self) -> deque[Candidate]:
        """What is to be trained again: known once, and only when, the search itself is over."""
        if self._confirmations is None:
            assert self._confirm is not None
            self._confirmations = deque(self._confirm(self._record.candidates()))
        return self._confirmations

    def _propose(self) -> Candidate | None:
        """The next architecture that is new in this run, its repetitions recorded on the way."""
        for _ in range(_REPETITIONS_IN_A_ROW):
            if self._proposed >= self._space_size:
                break
            proposal = self._proposals.next()
            if proposal is None:
                break
            candidate = Candidate(
                number=proposal.number,
                state=State.RUNNING,
                architecture=proposal.architecture,
                seed=candidate_seed(self._seed, proposal.number),
                proposal=proposal.parameters,
                image_size=proposal.image_size,
                started_at=time.time(),
            )
            first = self._numbers.setdefault(_identity(candidate), proposal.number)
            if first == proposal.number:
                self._proposed += bool(proposal.parameters)
                return candidate
            self._record_duplicate(candidate, first)
        self._is_used_up = True
        return None

    def _record_duplicate(self, candidate: Candidate, first: int) -> None:
        duplicate = replace(
            candidate,
            state=State.DUPLICATE,
            cause="duplicate",
            detail=f"the same network as candidate {first}",
            finished_at=time.time(),
        )
        self._write(self._record.start, duplicate)
        self._proposals.tell(duplicate)

    def _write(self, write: Callable[[Candidate], None], candidate: Candidate) -> None:
        """Tries again for a while: a full disk may be cleared, a lock let go."""
        for attempt in range(1, _WRITE_ATTEMPTS + 1):
            try:
                return write(candidate)
            except RecordError:
                if attempt == _WRITE_ATTEMPTS:
                    raise
                time.sleep(_WRITE_PAUSE_S)


def _identity(candidate: Candidate) -> tuple[str, int | None]:
    """What tells candidates of one run apart."""
    return candidate.architecture.architecture_id, candidate.image_size


INFEASIBLE_A_FAILURE = 10


class HopelessRun(UserError):
    """So many candidates failed, or fit no limit, that going on would only give more of them."""


class Patience:
    """Counts the failures of one process's search, and the infeasible ones in a row.

    ``max_failures`` failed candidates in all are too many, and ten times as many infeasible ones
    in a row: those cost little.
    """

    def __init__(self, max_failures: int) -> None:
        self._max_failures = max_failures
        self._failures: Counter[str] = Counter()
        self._infeasible: list[Candidate] = []

    def ended(self, candidate: Candidate) -> None:
        """Raises HopelessRun where this one was one too many."""
        if candidate.state is State.INFEASIBLE:
            self._count_infeasible(candidate)
            return
        self._infeasible.clear()
        if candidate.state is State.FAILED:
            self._count_failure(candidate)

    def _count_failure(self, candidate: Candidate) -> None:
        self._failures[candidate.cause or "error"] += 1
        total = self._failures.total()
        if total >= self._max_failures:
            cause, count = self._failures.most_common(1)[0]
            raise HopelessRun(
                f"gave up after {total} failed candidates (--max-failures): most often {cause} "
                f"({count}), last: {candidate.detail}",
                exit_code=1,
            )

    def _count_infeasible(self, candidate: Candidate) -> None:
        self._infeasible.append(candidate)
        count = len(self._infeasible)
        if count >= INFEASIBLE_A_FAILURE * self._max_failures:
            causes = Counter(c.cause for c in self._infeasible).most_common()
            over = ", ".join(
                f"--{(cause or 'limits').replace('_', '-')} {times} (the smallest "
                f"{_smallest([c for c in self._infeasible if c.cause == cause])})"
                for cause, times in causes
            )
            raise HopelessRun(
                f"gave up after {count} candidates in a row beyond the limits: {over}", exit_code=1
            )


def _smallest(infeasible: list[Candidate]) -> str:
    """The least of what the limit is on, among those that are beyond it for the same cause."""
    cause = infeasible[0].cause
    timed = [c.step_time for c in infeasible if c.step_time is not None]
    if cause == "max_step_time" and timed:
        return f"{min(normalized(t) for t in timed):.3g} x the backbone's step"
    if cause == "max_memory" and timed:
        return f"{min(t.peak_memory_bytes for t in timed):,} bytes"
    counts = [c.parameters for c in infeasible if c.parameters is not None]
    return f"{min(counts):,} parameters" if counts else "not known"
