"""The source of one run on the page: its record, followed while a search writes it.

A :class:`Source` stands for a RUN of the command line, also if it cannot be read; a
:class:`LiveRun` is the run itself once its record was found.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from results.candidate import Candidate, State
from results.dashboard.columns import (
    ACCURACY_INTERVAL,
    INTERVAL,
    Row,
    columns,
    json_safe,
    number,
    outcome_of,
    row,
    text,
)
from results.dashboard.facts import (
    is_searching,
    objective_of,
    reference_json,
    space_json,
    space_of,
    task_of,
    title_of,
    verdict_json,
)
from results.dashboard.reader import Reader
from results.database import RecordError
from results.noise import Noise, Outcome
from results.verdict import noise_of
from reward.objective import Objective
from reward.step_time.measurement import StepTime, normalized_interval

_DAMAGE = (ValueError, TypeError, ArithmeticError, AttributeError)  # raised by damaged values
_MAX_INTERVALS = 500  # computed per poll, which takes less than a second


class RunNotFound(Exception):
    """There is no run to show; the message is one line with the reason."""


@dataclass(frozen=True)
class RecordLocation:
    """The location of a run's record: the URL of its database, and the run's id there."""

    url: str
    run_id: str


class Source:
    """A RUN of the command line, whether it can be read or not.

    One thread calls :meth:`poll`; any thread may call the other methods meanwhile. ``locate``
    returns the location of the run's record or raises NoRun. It is called at every poll, since a
    run may begin, or be replaced, while the page is open.
    """

    def __init__(self, path: Path, locate: Callable[[], RecordLocation]) -> None:
        self.path = path
        self.run: LiveRun | None = None  # None until it is read without a problem
        self.problem: str | None = None  # of the last poll
        self._locate = locate
        self._token = secrets.token_hex(4)  # differs between processes and between runs
        self._status_version = (
            0  # increases when a problem, the verdict or ``is_searching`` changes
        )
        self._is_searching: bool | None = None
        self._verdict: dict[str, Any] | None = None  # by the run's own objective
        self._verdict_version = ""  # of the candidates that it is on
        self._next_verdict_at = 0.0

    @property
    def version(self) -> str:
        """The version of :meth:`payload`, as ``TOKEN-CANDIDATES-STATUS``."""
        return f"{self._token}-{self.run.version if self.run else 0}-{self._status_version}"

    @property
    def has_more(self) -> bool:
        """Whether another poll has more to show at once."""
        return self.run is not None and self.run.has_more

    def poll(self) -> None:
        """Read what is new; a problem is stored, not raised."""
        try:
            self._read()
            problem = None
        except (RunNotFound, RecordError) as error:
            problem = text(error)
        except Exception as error:  # a stranger's files may hold anything
            problem = f"cannot be read ({type(error).__name__}: {text(error)})"
        status = (problem, is_searching(self.path), self._new_verdict())
        if status != (self.problem, self._is_searching, self._verdict):
            self.problem, self._is_searching, self._verdict = status
            self._status_version += 1

    def verdict(self, objective: Objective) -> dict[str, Any] | None:
        """Return the VERDICT by any objective; None without a winner."""
        return self.run.verdict(objective) if self.run else None

    def payload(self, index: int, after: str | None = None) -> dict[str, Any]:
        """Return a RUN of :mod:`results.dashboard.payload`, or its changes after a version."""
        run, token, status_version = self.run, self._token, self._status_version
        since = _candidates_version(after, token)
        head = {
            "id": index,
            "path": text(self.path),
            "version": f"{token}-0-{status_version}",
            "whole": since < 0,
            "is_searching": self._is_searching,
        }
        if run is None:
            return {**head, **_empty_run(text(self.path.name), self.problem)}
        version, rows, changed = run.rows(since)
        return {
            **head,
            "version": f"{token}-{version}-{status_version}",
            "title": title_of(run.settings, run.space),
            "problem": None,
            "warnings": self._warnings(run),
            "run_id": text(run.place.run_id),
            "created_at": run.created_at,
            "settings": json_safe(run.settings),
            "task": task_of(run.settings),
            "space": space_json(run.space),
            "verdict": self._verdict,
            "reference": reference_json(run.space, rows),
            "columns": columns(changed, run.space),
        }

    def candidate(self, candidate_number: int) -> Candidate | None:
        """Read one candidate anew; None if it does not exist.

        Raises:
            RecordError: the record cannot be read.
        """
        if self.run is None or not self.run.has(candidate_number):
            return None
        return self.run.candidate(candidate_number)

    def rows(self) -> list[Row]:
        """Return all candidates as rows, by ascending number."""
        return self.run.rows()[1] if self.run else []

    def close(self) -> None:
        """Close the record."""
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

    def _new_verdict(self) -> dict[str, Any] | None:
        """Return the verdict on the candidates read so far, by the run's own objective.

        Of a large run it takes a second. While a search is running, which that would disturb, it is
        computed in 5 % of the time at most, so it may be slightly older than the candidates.
        """
        if self.run is None:
            return None
        version, start = f"{self._token}-{self.run.version}", time.monotonic()
        is_due = not self.has_more and version != self._verdict_version
        if not is_due or (self._is_searching and start < self._next_verdict_at):
            return self._verdict
        try:
            verdict = self.run.verdict(objective_of(self.run.settings))
        except _DAMAGE:
            verdict = None
        self._verdict_version = version
        self._next_verdict_at = start + 20 * (time.monotonic() - start)
        return verdict

    def _warnings(self, run: LiveRun) -> list[str]:
        damaged = len(run.damaged)
        kind = "candidate is" if damaged == 1 else "candidates are"
        return [
            *([f"the run can no longer be read: {self.problem}"] if self.problem else []),
            *([run.space_problem] if run.space_problem else []),
            *([f"{damaged} damaged {kind} left out"] if damaged else []),
        ]


def _candidates_version(after: str | None, token: str) -> int:
    """Return the candidates' part of a version; -1 if the version has another token."""
    its_token, _, rest = (after or "").partition("-")
    version = rest.partition("-")[0]
    is_valid = its_token == token and version.isdecimal() and len(version) < 10
    return int(version) if is_valid else -1


def _empty_run(title: str | None, problem: str | None) -> dict[str, Any]:
    """Return the rest of the RUN where nothing can be shown of it."""
    return {
        "title": title or "?",
        "problem": problem or "not read yet",
        "warnings": [],
        "run_id": None,
        "created_at": None,
        "settings": {},
        "task": {"classes": None, "in_channels": None},
        "space": None,
        "verdict": None,
        "reference": None,
        "columns": columns([], None),
    }


class LiveRun:
    """The rows of a run, which grow while a search writes its record.

    One thread calls :meth:`read`; any thread may call the other methods meanwhile. They raise
    RecordError if the record cannot be read.
    """

    def __init__(self, place: RecordLocation) -> None:
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
        self._changed_in: dict[int, int] = {}  # the version in which each row last changed
        self._running: set[int] = set()
        self._awaiting_interval: dict[int, StepTime] = {}
        self._intervals: dict[int, Row] = {}  # computed, but not yet in the rows
        self._noise = Noise()

    @property
    def has_more(self) -> bool:
        """Whether intervals are still to be computed."""
        return bool(self._awaiting_interval)

    def read(self) -> None:
        """Read what is new; the intervals of many candidates follow in later calls, all at once."""
        settings = self.reader.run().settings
        reading = self.reader.candidates(max(self._rows, default=-1), self._running)
        damaged = set(reading.damaged)
        new_rows: dict[int, Row] = {}
        for candidate in reading.candidates:
            try:
                self._add(candidate, new_rows)
            except _DAMAGE:
                damaged.add(candidate.number)
        is_first = self.version == 0
        self._compute_intervals(new_rows, is_first)
        self._compute_accuracy_intervals(new_rows)
        with self._lock:
            if is_first or new_rows or settings != self.settings or not damaged <= self.damaged:
                self.version += 1
            self.settings = settings
            self.damaged |= damaged
            self._rows.update(new_rows)
            self._changed_in.update(dict.fromkeys(new_rows, self.version))

    def rows(self, since: int = -1) -> tuple[int, list[Row], list[Row]]:
        """Return the version, all rows, and those that changed after version ``since``."""
        with self._lock:
            rows = sorted(self._rows.items())
            changed = [values for n, values in rows if self._changed_in[n] > since]
            return self.version, [values for _, values in rows], changed

    def outcomes(self) -> list[Outcome]:
        """Return the outcomes of the complete candidates, by ascending number."""
        found = (outcome_of(values) for values in self.rows()[1])
        return [outcome for outcome in found if outcome is not None]

    def verdict(self, objective: Objective) -> dict[str, Any] | None:
        """Return the VERDICT of :mod:`results.dashboard.payload`; None without a winner."""
        return verdict_json(self.outcomes(), objective, self.settings)

    def has(self, candidate_number: int) -> bool:
        """Return whether a candidate has this number."""
        return candidate_number in self._rows

    def candidate(self, candidate_number: int) -> Candidate | None:
        """Read one candidate anew; None if it does not exist or is damaged."""
        return self.reader.candidate(candidate_number)

    def _add(self, candidate: Candidate, new_rows: dict[int, Row]) -> None:
        """Add the candidate's row to ``new_rows`` if it is new or has changed."""
        n, values = candidate.number, row(candidate, self.space)
        if candidate.state is State.RUNNING:
            self._running.add(n)
        else:
            self._running.discard(n)
            if candidate.step_time is not None:
                self._awaiting_interval[n] = candidate.step_time
        if values != self._rows.get(n):
            new_rows[n] = values

    def _compute_accuracy_intervals(self, new_rows: dict[int, Row]) -> None:
        """Add the accuracies' intervals to the new rows, or to all if the noise is now another."""
        known = {**self._rows, **new_rows}
        again = (values for values in known.values() if values["confirms"] is not None)
        found = (outcome_of(values) for values in again)
        noise = noise_of(filter(None, found), self.settings)
        changed = known if noise != self._noise else new_rows
        self._noise = noise
        for n, values in list(changed.items()):
            accuracy = values["accuracy"]
            is_share = accuracy is not None and 0 <= accuracy <= 1
            interval = noise.accuracy_interval(accuracy) if is_share else None
            ends = dict(zip(ACCURACY_INTERVAL, interval or (None, None), strict=True))
            new_rows[n] = {**values, **ends}

    def _compute_intervals(self, new_rows: dict[int, Row], is_first: bool) -> None:
        """Compute some intervals, of the most accurate candidates first.

        They are added to ``new_rows`` at the first call, and then once all are computed.
        """
        known = {**self._rows, **new_rows}
        waiting = sorted(self._awaiting_interval, key=lambda n: -(known[n]["accuracy"] or 0))
        for n in waiting[:_MAX_INTERVALS]:
            try:
                interval = normalized_interval(self._awaiting_interval.pop(n))
            except _DAMAGE:
                continue
            low, high = interval or (None, None)
            self._intervals[n] = dict(zip(INTERVAL, (number(low), number(high)), strict=True))
        if is_first or not self._awaiting_interval:
            for n, interval_values in self._intervals.items():
                new_rows[n] = {**known[n], **interval_values}
            self._intervals = {}
