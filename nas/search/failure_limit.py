"""When a search gives up: too many candidates failed, or none is within the limits."""

from __future__ import annotations

from collections import Counter

from nas.errors import UserError
from results.candidate import Candidate, State
from reward.step_time.measurement import normalized

INFEASIBLE_PER_FAILURE = 10


class HopelessRun(UserError):
    """So many candidates failed, or exceeded the limits, that the search was given up."""


class FailureLimit:
    """Counts the failed candidates of one process, and the infeasible ones in a row.

    The search is given up after ``max_failures`` failed candidates in total, or after ten times as
    many infeasible ones in a row, which cost little.
    """

    def __init__(self, max_failures: int) -> None:
        self._max_failures = max_failures
        self._failures: Counter[str] = Counter()
        self._infeasible: list[Candidate] = []

    def ended(self, candidate: Candidate) -> None:
        """Count a candidate that ended.

        Raises:
            HopelessRun: it was one too many.
        """
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
        if count >= INFEASIBLE_PER_FAILURE * self._max_failures:
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
    """Return the smallest value of the limited quantity, among candidates of one cause."""
    cause = infeasible[0].cause
    timed = [c.step_time for c in infeasible if c.step_time is not None]
    if cause == "max_step_time" and timed:
        return f"{min(normalized(t) for t in timed):.3g} x the backbone's step"
    if cause == "max_memory" and timed:
        return f"{min(t.peak_memory_bytes for t in timed):,} bytes"
    counts = [c.parameters for c in infeasible if c.parameters is not None]
    return f"{min(counts):,} parameters" if counts else "not known"
