"""The search: Optuna proposes, Ray's workers evaluate, the record remembers."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace

from nas.errors import UserError
from nas.proposals import Proposals
from nas.seeds import candidate_seed
from results.candidate import Candidate, State
from results.record import Record
from results.record_error import RecordError

Listener = Callable[[Candidate], None]
# So many proposals without a new architecture, and the space counts as used up.
_REPETITIONS_IN_A_ROW = 2000
LOST_WORKER_TRIES = 3
_WRITE_ATTEMPTS, _WRITE_PAUSE_S = 5, 2.0


class HopelessRun(UserError):
    """So many candidates failed that going on would only fail more."""


class Search:
    """Drives one search: the :class:`nas.executor.Driver` between proposals, workers and record.

    The budget counts completed candidates, so a failed one is made up for by a further proposal.
    An architecture that was proposed before in this run is recorded as a duplicate of it, and
    not trained. What was running when an earlier process died is evaluated first.
    """

    def __init__(
        self,
        record: Record,
        proposals: Proposals,
        known: list[Candidate],
        seed: int,
        budget: int,
        max_failures: int,
        space_size: int,
        listener: Listener,
    ) -> None:
        self._record = record
        self._proposals = proposals
        self._seed = seed
        self._budget = budget
        self._max_failures = max_failures
        self._space_size = space_size
        self._listener = listener
        self._interrupted = deque(c for c in known if c.state is State.RUNNING)
        self._running: dict[int, Candidate] = {}
        self._numbers = {
            c.architecture.architecture_id: c.number
            for c in known
            if c.state is not State.DUPLICATE
        }
        self._completed = sum(c.state is State.COMPLETE for c in known)
        self._failures: Counter[str] = Counter()
        self._losses: Counter[int] = Counter()  # lost workers by candidate
        self._is_used_up = False

    def next_candidate(self) -> Candidate | None:
        """The next to evaluate; None while enough are under way, or once the space is used up."""
        if self._completed + len(self._running) >= self._budget:
            return None
        if self._interrupted:
            candidate = replace(self._interrupted.popleft(), started_at=time.time())
        else:
            proposed = self._propose()
            if proposed is None:
                return None
            candidate = proposed
        self._write(self._record.start, candidate)
        self._running[candidate.number] = candidate
        self._listener(candidate)
        return candidate

    def is_finished(self) -> bool:
        """Whether the budget is spent, or the space has nothing left and nothing is under way."""
        is_idle = not self._running and not self._interrupted
        return self._completed >= self._budget or (self._is_used_up and is_idle)

    def progressed(self, candidate: Candidate) -> None:
        """Passes an epoch on to the listener."""
        self._listener(candidate)

    def ended(self, candidate: Candidate) -> None:
        """Records how a candidate ended.

        Raises:
            HopelessRun: the failures have reached their bound.
        """
        self._write(self._record.finish, candidate)
        del self._running[candidate.number]
        self._completed += candidate.state is State.COMPLETE
        self._proposals.tell(candidate)
        self._listener(candidate)
        if candidate.state is State.FAILED:
            self._count_failure(candidate)

    def lost(self, number: int, cause: str, detail: str) -> None:
        """Tries a candidate again whose worker was lost, and records it after the last try.

        Any other cause is the candidate's own, and is not tried again.
        """
        self._losses[number] += 1
        if cause == "worker_lost" and self._losses[number] < LOST_WORKER_TRIES:
            self._interrupted.append(self._running.pop(number))
            return
        candidate = replace(
            self._running[number],
            state=State.FAILED,
            cause=cause,
            detail=detail,
            finished_at=time.time(),
        )
        self.ended(candidate)

    def _propose(self) -> Candidate | None:
        """The next architecture that is new in this run, its repetitions recorded on the way."""
        for _ in range(_REPETITIONS_IN_A_ROW):
            if len(self._numbers) >= self._space_size:
                break
            number, architecture = self._proposals.next()
            candidate = Candidate(
                number=number,
                state=State.RUNNING,
                architecture=architecture,
                seed=candidate_seed(self._seed, number),
                started_at=time.time(),
            )
            first = self._numbers.setdefault(architecture.architecture_id, number)
            if first == number:
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

    def _write(self, write: Callable[[Candidate], None], candidate: Candidate) -> None:
        """Tries again for a while: a full disk may be cleared, a lock let go."""
        for attempt in range(1, _WRITE_ATTEMPTS + 1):
            try:
                return write(candidate)
            except RecordError:
                if attempt == _WRITE_ATTEMPTS:
                    raise
                time.sleep(_WRITE_PAUSE_S)
