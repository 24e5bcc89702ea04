"""A RUN of the command line as the page is shown it, whatever is wrong with it."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from results.candidate import Candidate, State
from results.dashboard.columns import INTERVAL, Row, columns, json_safe, number, row, text
from results.dashboard.facts import (
    is_searching,
    reference_json,
    space_json,
    space_of,
    task_of,
    title_of,
)
from results.dashboard.reader import Reader
from results.database import RecordError
from reward.step_time.measurement import StepTime, normalized_interval


class NoRun(Exception):
    """There is no run to show; the message is one line that says why."""


class Source:
    """One thread calls :meth:`poll`, any may call the rest meanwhile.

    ``locate`` says where the run's record is, or raises NoRun; it is asked at every poll, since a
    run may begin, or be made again, while the page is open.
    """

    def __init__(self, path: Path, locate: Callable[[], Place]) -> None:
        self.path = path
        self.run: LiveRun | None = None  # None: not read yet, or there is a problem
        self.problem: str | None = None  # what was wrong when it was last read
        self._locate = locate
        self._token = secrets.token_hex(4)  # so that no version is another process's
        self._notes = 0  # how often what is said about the run changed
        self._is_searching: bool | None = None

    @property
    def version(self) -> str:
        """Changes whenever :meth:`payload` does; ``TOKEN-CANDIDATES-NOTES``."""
        return f"{self._token}-{self.run.version if self.run else 0}-{self._notes}"

    @property
    def has_more(self) -> bool:
        """Whether another poll would find more at once."""
        return self.run is not None and self.run.has_more

    def poll(self) -> None:
        """Reads what is new."""
        try:
            self._read()
            problem = None
        except (NoRun, RecordError) as error:
            problem = text(error)
        except Exception as error:  # a stranger's files hold what nobody thought of
            problem = f"cannot be read ({type(error).__name__}: {text(error)})"
        notes = (problem, is_searching(self.path))
        if notes != (self.problem, self._is_searching):
            self.problem, self._is_searching = notes
            self._notes += 1

    def payload(self, index: int, after: str | None = None) -> dict[str, Any]:
        """The run as in :mod:`results.dashboard.payload`, or what of it changed after a version."""
        run, token, notes = self.run, self._token, self._notes
        since = _candidates_version(after, token)
        head = {
            "id": index,
            "path": text(self.path),
            "version": f"{token}-0-{notes}",
            "whole": since < 0,
            "is_searching": self._is_searching,
        }
        if run is None:
            return {**head, **_nothing(text(self.path.name), self.problem)}
        version, rows, changed = run.rows(since)
        return {
            **head,
            "version": f"{token}-{version}-{notes}",
            "title": title_of(run.settings, run.space),
            "problem": None,
            "warnings": self._warnings(run),
            "run_id": text(run.place.run_id),
            "created_at": run.created_at,
            "settings": json_safe(run.settings),
            "task": task_of(run.settings),
            "space": space_json(run.space),
            "reference": reference_json(run.space, rows),
            "columns": columns(changed, run.space),
        }

    def candidate(self, wanted: int) -> Candidate | None:
        """A candidate with all of its facts; None if there is none of that number.

        Raises:
            RecordError: the record cannot be read.
        """
        return self.run.candidate(wanted) if self.run and self.run.has(wanted) else None

    def rows(self) -> list[Row]:
        """All candidates, in the order of their numbers."""
        return self.run.rows()[1] if self.run else []

    def close(self) -> None:
        """Lets go of the record."""
        if self.run is not None:
            self.run.reader.close()

    def _read(self) -> None:
        place = self._locate()
        if self.run is None or self.run.place != place:
            run = LiveRun(place)
            run.read()
            self.close()
            self._token, self.run = secrets.token_hex(4), run
        else:
            self.run.read()

    def _warnings(self, run: LiveRun) -> list[str]:
        damaged = len(run.damaged)
        kind = "candidate is" if damaged == 1 else "candidates are"
        return [
            *([f"cannot be read any more: {self.problem}"] if self.problem else []),
            *([run.space_problem] if run.space_problem else []),
            *([f"{damaged} damaged {kind} left out"] if damaged else []),
        ]


def _candidates_version(after: str | None, token: str) -> int:
    """The version of the candidates in a version of the whole; -1 if it is none of this run's."""
    own, _, rest = (after or "").partition("-")
    version = rest.partition("-")[0]
    return int(version) if own == token and version.isdecimal() and len(version) < 10 else -1


def _nothing(title: str | None, problem: str | None) -> dict[str, Any]:
    return {
        "title": title or "?",
        "problem": problem or "not read yet",
        "warnings": [],
        "run_id": None,
        "created_at": None,
        "settings": {},
        "task": {"classes": None, "in_channels": None},
        "space": None,
        "reference": None,
        "columns": columns([], None),
    }


_ROW_DAMAGE = (ValueError, TypeError, ArithmeticError, AttributeError)


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
            except _ROW_DAMAGE:
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
            except _ROW_DAMAGE:
                continue
            low, high = interval or (None, None)
            self._intervals[n] = dict(zip(INTERVAL, (number(low), number(high)), strict=True))
        if is_first or not self._untimed:
            for n, found in self._intervals.items():
                news[n] = {**known[n], **found}
            self._intervals = {}
