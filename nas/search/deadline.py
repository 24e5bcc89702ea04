"""The time of a search: what may still begin, so that it ends before the time is up."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from results.candidate import EVALUATED, Candidate, State
from results.forecast import Plan

_RECENT = 50  # complete trainings from whose durations the next one's is estimated
_SHARE = 0.9  # of them that take no longer than the estimate
_LARGEST_RESERVE = 0.5  # of the time, for confirmations


class Deadline:
    """Decides whether a training that began now would end in time.

    A training is expected to take as long as the 90th percentile of the last complete ones, the
    backbone's included, and of fewer than ten, as long as the longest. Before the first one has
    ended, all may begin. For the confirmations at the end, a candidate must leave the time that
    they take in rounds of as many as run at once, but at most half of the time there was.
    """

    def __init__(
        self, plan: Plan, known: Iterable[Candidate] = (), clock: Callable[[], float] = time.time
    ) -> None:
        """``known`` are the candidates of an earlier process; ``clock`` gives Unix seconds."""
        self._until = plan.until
        self._factor = plan.longest_factor or plan.confirmation_factor
        self._confirms_at_once = plan.confirms_at_once
        self._clock = clock
        self._largest_reserve_s = _LARGEST_RESERVE * (plan.until - clock())
        self._begun_at: dict[int, float] = {}
        self._most_at_once = 1
        self._confirmations_left = plan.confirmations
        self._candidates_s: deque[float] = deque(maxlen=_RECENT)
        self._confirmations_s: deque[float] = deque(maxlen=_RECENT)
        for candidate in known:
            if candidate.started_at is not None and candidate.finished_at is not None:
                self._note(candidate, candidate.finished_at - candidate.started_at)

    def began(self, number: int) -> None:
        """Take note that a training has begun."""
        self._begun_at[number] = self._clock()
        self._most_at_once = max(self._most_at_once, len(self._begun_at))

    def ended(self, candidate: Candidate) -> None:
        """Take note of a training that ended."""
        self._note(candidate, self._clock() - self._begun_at.pop(candidate.number))

    def lost(self, number: int) -> None:
        """Forget a training that will begin again."""
        del self._begun_at[number]

    def is_over(self) -> bool:
        """Return whether the time is up."""
        return self._clock() >= self._until

    def allows_candidate(self) -> bool:
        """Return whether a candidate would end in time, and leave enough to the confirmations."""
        reserve_s = min(self._reserve_s(), self._largest_reserve_s)
        return self._clock() + _estimate_s(self._candidates_s) + reserve_s <= self._until

    def allows_confirmation(self) -> bool:
        """Return whether a confirmation would end in time."""
        return self._clock() + self._confirmation_s() <= self._until

    def lacks_confirmations(self) -> bool:
        """Return whether confirmations are still to be made."""
        return self._confirmations_left > 0

    def _reserve_s(self) -> float:
        if self._confirms_at_once:
            return self._confirmation_s()
        rounds = math.ceil(max(0, self._confirmations_left) / self._most_at_once)
        return rounds * self._confirmation_s()

    def _confirmation_s(self) -> float:
        if self._confirmations_s:
            return _estimate_s(self._confirmations_s)
        return self._factor * _estimate_s(self._candidates_s)

    def _note(self, candidate: Candidate, duration_s: float) -> None:
        is_confirmation = candidate.confirms is not None and not candidate.is_backbone
        self._confirmations_left -= is_confirmation
        if candidate.state is State.COMPLETE:
            of_kind = self._confirmations_s if is_confirmation else self._candidates_s
            of_kind.append(duration_s)


def is_cut_short(plan: Plan, candidates: Sequence[Candidate]) -> bool:
    """Return whether a search that has ended lacks something for want of time."""
    deadline = Deadline(plan, candidates)
    evaluated = sum(c.state in EVALUATED and c.confirms is None for c in candidates)
    if evaluated < plan.candidates:
        return not deadline.allows_candidate()
    return deadline.lacks_confirmations() and not deadline.allows_confirmation()


def _estimate_s(durations_s: Sequence[float]) -> float:
    """Return an upper quantile of the durations; 0 without any."""
    if not durations_s:
        return 0.0
    return sorted(durations_s)[math.ceil(_SHARE * len(durations_s)) - 1]
