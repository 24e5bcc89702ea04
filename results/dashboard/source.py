"""The source of one run on the page: its record, followed while a search writes it.

A :class:`Source` stands for a RUN of the command line, also if it cannot be read; the run itself,
once its record was found, is a :class:`~results.dashboard.live_run.LiveRun`.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from results.basis import basis
from results.candidate import Candidate, stages_text
from results.control import InvalidRequest, Requests, Wanted, point_in
from results.dashboard.columns import Row, columns, json_safe, text
from results.dashboard.facts import (
    is_searching,
    metric_json,
    objective_of,
    objective_problem,
    reference_json,
    running_json,
    shown_settings,
    space_json,
    task_of,
    title_of,
)
from results.dashboard.live_run import DAMAGE, LiveRun, RecordLocation
from results.database import RecordError
from results.notes import InvalidNote, Note, Notes, read_notes, write_note
from results.running import read_running
from results.salvage import SALVAGE_HINT
from reward.objective import Objective


class RunNotFound(Exception):
    """There is no run to show; the message is one line with the reason."""


class Source:
    """A RUN of the command line, whether it can be read or not.

    One thread calls :meth:`poll`; any thread may call the other methods meanwhile. ``locate``
    returns the location of the run's record or raises RunNotFound. It is called at every poll,
    since a run may begin, or be replaced, while the page is open.
    """

    def __init__(self, path: Path, locate: Callable[[], RecordLocation]) -> None:
        self.path = path
        self.run: LiveRun | None = None  # None until it is read without a problem
        self.problem: str | None = None  # of the last poll
        self._locate = locate
        self._token = secrets.token_hex(4)  # differs between processes and between runs
        # It increases when anything of _status() changes.
        self._status_version = 0
        self._is_searching: bool | None = None
        self._verdict: dict[str, Any] | None = None  # by the run's own objective
        self._comparison: dict[str, Any] | None = None
        self._running: list[dict[str, Any]] = []  # entries of the search's file
        self._verdict_version = ""  # of the candidates that it is on
        self._next_verdict_at = 0.0
        self._notes = Notes()
        self._notes_problem: str | None = None
        self.requests = Requests(path)
        self._requested: dict[str, Any] = {"stop": False, "next": []}

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
        before = self._status()
        self.problem, self._is_searching = problem, is_searching(self.path)
        self._running = [] if self._is_searching is False else read_running(self.path)
        self._verdict = self._new_verdict()
        self._read_notes()
        self._requested = self._read_requests()
        if self._status() != before:
            self._status_version += 1

    def verdict(self, objective: Objective) -> dict[str, Any] | None:
        """Return the VERDICT by any objective; None without a winner."""
        return self.run.verdict(objective) if self.run else None

    def write_note(self, number: int | None, note: Note) -> None:
        """Put a note on a candidate, or on the run if there is no number.

        Raises:
            LookupError: the run has no such candidate, or cannot be read.
            InvalidNote: the file of notes is damaged.
            OSError: the run's directory is not writable.
        """
        if self.run is None or (number is not None and not self.run.has(number)):
            raise LookupError("no run" if number is None else f"no candidate {number}")
        write_note(self.path, number, note)

    def searching(self) -> Requests:
        """Return the requests to the run's search.

        Raises:
            LookupError: no search of this run is running.
        """
        if self.run is None or self._is_searching is False:
            raise LookupError("no search of this run is running")
        return self.requests

    def ask_for(self, choices: Any) -> dict[str, Any]:
        """Ask the run's search for a network, and return it as a WANTED.

        Raises:
            LookupError: no search of this run is running.
            InvalidRequest: it takes none, or not this one.
            OSError: the run's directory is not writable, or its disk full.
        """
        requests, run = self.searching(), self.run
        assert run is not None
        return self._wanted(requests.ask_for(run.new_point(choices)))

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
            "settings": json_safe(shown_settings(run.settings)),
            "metric": metric_json(run.settings),
            "task": task_of(run.settings),
            "space": space_json(run.space),
            "basis": json_safe(basis(run.settings, run.space, (row["device"] for row in rows))),
            "verdict": self._verdict,
            "comparison": self._comparison,
            "notes": json_safe(self._notes.to_json()),
            "requests": self._requested,
            **run.outlook(self._is_searching),
            "reference": reference_json(run.space, rows),
            **running_json(self._running, rows),
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

    def _status(self) -> tuple[object, ...]:
        """Return what a page shows beside the candidates."""
        found = self.problem, self._is_searching, self._verdict, self._comparison, self._running
        return (*found, self._notes, self._notes_problem, self._requested)

    def _read_notes(self) -> None:
        try:
            self._notes, self._notes_problem = read_notes(self.path), None
        except InvalidNote as error:
            self._notes_problem = text(error)
        except OSError:  # no directory yet, or not for this user: the record says so
            self._notes_problem = None

    def _read_requests(self) -> dict[str, Any]:
        """Return the REQUESTS to the run's search; networks wait for the next one too."""
        waiting = map(self._wanted, self.requests.waiting())
        is_asked = self._is_searching is not False and self.requests.asks_to_stop()
        return {"stop": is_asked, "next": list(waiting)}

    def _wanted(self, wanted: Wanted) -> dict[str, Any]:
        space = self.run.space if self.run else None
        stages = None
        if space is not None:
            with suppress(InvalidRequest):  # written by another program
                stages = stages_text(space.decode(point_in(space, wanted.point)))
        return {"name": wanted.name, "stages": stages}

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
            self._comparison = self.run.comparison()
        except DAMAGE:
            verdict = self._comparison = None
        self._verdict_version = version
        self._next_verdict_at = start + 20 * (time.monotonic() - start)
        return verdict

    def warnings(self) -> list[str]:
        """Return a line on each thing that is wrong with the run; none if it cannot be read."""
        return self._warnings(self.run) if self.run else []

    def _warnings(self, run: LiveRun) -> list[str]:
        return [
            *([f"the run can no longer be read: {self.problem}"] if self.problem else []),
            *([run.space_problem] if run.space_problem else []),
            *([problem] if (problem := objective_problem(run.settings)) else []),
            *([f"{run.damage}; {SALVAGE_HINT}"] if run.damage else []),
            *([self._notes_problem] if self._notes_problem else []),
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
        "metric": metric_json({}),
        "task": {"classes": None, "in_channels": None},
        "space": None,
        "basis": {},
        "verdict": None,
        "comparison": None,
        "notes": Notes().to_json(),
        "requests": {"stop": False, "next": []},
        "forecast": None,
        "standing": None,
        "running": [],
        "workers": {},
        "reference": None,
        "columns": columns([], None),
    }
