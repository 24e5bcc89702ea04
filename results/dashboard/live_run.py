"""What has been read of a run's record, and with which version each candidate came."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from results.candidate import Candidate, State
from results.dashboard.columns import INTERVAL, Row, row
from results.dashboard.facts import space_of
from results.dashboard.plain import number
from results.dashboard.reader import Reader
from reward.step_time.measurement import StepTime
from reward.step_time_statistics import normalized_interval

_DAMAGE = (ValueError, TypeError, ArithmeticError, AttributeError)
_INTERVALS_AT_ONCE = 500  # under a second


@dataclass(frozen=True)
class Place:
    """Where a run's record is."""

    url: str
    run_id: str


class LiveRun:
    """One thread calls :meth:`read`; any may call the rest meanwhile.

    Raises RecordError where the record cannot be read.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.reader = Reader(place.url, place.run_id)
        run = self.reader.run()
        self.settings = run.settings
        self.created_at = number(run.created_at)
        self.space, self.space_problem = space_of(run.settings)
        self.damaged: set[int] = set()
        self.version = 0
        self._lock = threading.Lock()
        self._rows: dict[int, Row] = {}
        self._came_with: dict[int, int] = {}
        self._running: set[int] = set()
        self._untimed: dict[int, StepTime] = {}  # whose interval is yet to be found
        self._intervals: dict[int, Row] = {}  # found, but not yet shown

    @property
    def has_more(self) -> bool:
        """Whether intervals are yet to be found."""
        return bool(self._untimed)

    def read(self) -> None:
        """Reads what is new. The intervals of many candidates come later, all together."""
        settings = self.reader.run().settings
        reading = self.reader.candidates(max(self._rows, default=-1), self._running)
        damaged = set(reading.damaged)
        news: dict[int, Row] = {}
        for candidate in reading.candidates:
            try:
                self._note(candidate, news)
            except _DAMAGE:
                damaged.add(candidate.number)
        is_first = self.version == 0
        self._find_intervals(news, is_first)
        with self._lock:
            if is_first or news or settings != self.settings or not damaged <= self.damaged:
                self.version += 1
            self.settings = settings
            self.damaged |= damaged
            self._rows.update(news)
            self._came_with.update(dict.fromkeys(news, self.version))

    def rows(self, since: int = -1) -> tuple[int, list[Row], list[Row]]:
        """The version, all candidates, and those that came after version ``since``."""
        with self._lock:
            rows = sorted(self._rows.items())
            changed = [row for n, row in rows if self._came_with[n] > since]
            return self.version, [row for _, row in rows], changed

    def has(self, wanted: int) -> bool:
        """Whether there is a candidate of that number."""
        return wanted in self._rows

    def candidate(self, wanted: int) -> Candidate | None:
        """A candidate with all of its facts, read anew."""
        return self.reader.candidate(wanted)

    def _note(self, candidate: Candidate, news: dict[int, Row]) -> None:
        n, new = candidate.number, row(candidate, self.space)
        if candidate.state is State.RUNNING:
            self._running.add(n)
        else:
            self._running.discard(n)
            if candidate.step_time is not None:
                self._untimed[n] = candidate.step_time
        if new != self._rows.get(n):
            news[n] = new

    def _find_intervals(self, news: dict[int, Row], is_first: bool) -> None:
        """Adds the intervals to ``news``: at first the most accurate candidates', then the rest."""
        known = {**self._rows, **news}
        waiting = sorted(self._untimed, key=lambda n: -(known[n]["accuracy"] or 0))
        for n in waiting[:_INTERVALS_AT_ONCE]:
            try:
                interval = normalized_interval(self._untimed.pop(n))
            except _DAMAGE:
                continue
            low, high = interval or (None, None)
            self._intervals[n] = dict(zip(INTERVAL, (number(low), number(high)), strict=True))
        if is_first or not self._untimed:
            for n, found in self._intervals.items():
                news[n] = {**known[n], **found}
            self._intervals = {}
