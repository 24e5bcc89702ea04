"""A run whose record was found: its rows, which grow while a search writes it."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from results.candidate import Candidate, State
from results.comparison import Comparison
from results.control import InvalidRequest, point_in
from results.dashboard.columns import (
    ACCURACY_INTERVAL,
    INTERVAL,
    Row,
    json_safe,
    number,
    outcome_of,
    row,
    text,
)
from results.dashboard.facts import objective_of, plan_of, space_of, verdict_json
from results.dashboard.reader import Reader
from results.forecast import Course
from results.noise import Noise, Outcome
from results.proxy_report import find_report
from results.proxy_words import report_json
from results.ranking import reward
from results.salvage import damage_line
from results.standing import Standing
from results.verdict import noise_of
from reward.objective import Objective, Own
from reward.step_time.measurement import StepTime, normalized_interval
from search_space.space import Point

DAMAGE = (ValueError, TypeError, ArithmeticError, AttributeError)  # raised by damaged values
_MAX_INTERVALS = 500  # computed per poll, which takes less than a second


@dataclass(frozen=True)
class RecordLocation:
    """The location of a run's record: the URL of its database, and the run's id there."""

    url: str
    run_id: str


@dataclass(frozen=True)
class _Training:
    """What a row holds of a training's time, and what is counted of it."""

    number: int
    state: State
    confirms: int | None
    fidelity: str | None
    cause: str | None
    started_at: float | None
    finished_at: float | None

    @classmethod
    def of(cls, values: Row) -> _Training:
        state = State(values["state"])
        kind = values["confirms"], values["fidelity"], values["cause"]
        return cls(values["number"], state, *kind, values["started_at"], values["finished_at"])

    def end(self) -> float:
        return math.inf if self.finished_at is None else self.finished_at


def comparison_of(settings: Mapping[str, Any]) -> Comparison | None:
    """Return what a run of ``nas proxy`` compares; None in a search, and of damaged settings."""
    try:
        return Comparison.recorded(settings)
    except DAMAGE:
        return None


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
        self._comparison = comparison_of(run.settings)
        self._compared: dict[int, Candidate] = {}  # all candidates of a comparison
        self._trainings: tuple[int, list[_Training]] = (-1, [])  # of a version

    @property
    def has_more(self) -> bool:
        """Whether intervals are still to be computed."""
        return bool(self._awaiting_interval)

    def read(self) -> None:
        """Read what is new; the intervals of many candidates follow in later calls, all at once."""
        settings = self.reader.run().settings
        reading = self.reader.candidates(max(self._rows, default=-1), self._running)
        damaged = {*reading.damaged, *self.reader.lost()}
        new_rows: dict[int, Row] = {}
        objective = objective_of(self.settings)
        own_reward = objective if isinstance(objective, Own) else None
        for candidate in reading.candidates:
            try:
                self._add(candidate, new_rows, own_reward)
            except DAMAGE:
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

    @property
    def damage(self) -> str | None:
        """A line on what cannot be read of the record; None if it is whole."""
        with self._lock:
            if not self.damaged and not self.reader.is_damaged:
                return None
            return damage_line("the record", len(self._rows), self.damaged)

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
        if self._comparison is not None:
            return None
        return verdict_json(self.outcomes(), objective, self.settings)

    def comparison(self) -> dict[str, Any] | None:
        """Return the COMPARISON of :mod:`results.dashboard.payload`; None of a search."""
        if self._comparison is None:
            return None
        with self._lock:
            candidates = list(self._compared.values())
        report = find_report(candidates, self._comparison, objective_of(self.settings))
        values: dict[str, Any] = json_safe(report_json(report))
        return values

    def outlook(self, is_searching: bool | None) -> dict[str, Any]:
        """Return FORECAST and STANDING of :mod:`results.dashboard.payload`, by their keys.

        There is a forecast only of a run that is searching.
        """
        trainings = self._ended_in_turn()
        plan, forecast = plan_of(self.settings, self.space), None
        if is_searching:
            with suppress(*DAMAGE):  # times that no search records
                forecast = Course(trainings).forecast(plan)
        standing = Standing.of(trainings, plan, forecast)
        return {
            "forecast": forecast and json_safe(asdict(forecast)),
            "standing": {
                "evaluated": standing.evaluated,
                "planned": standing.planned,
                "is_cut": standing.is_cut,
                "total": standing.total,
                "done": standing.done,
                "sentence": text(standing.sentence),
            },
        }

    def _ended_in_turn(self) -> list[_Training]:
        """Return all trainings by their ends; they are sorted anew only once a row has changed."""
        version, rows, _ = self.rows()
        if self._trainings[0] != version:
            self._trainings = version, sorted(map(_Training.of, rows), key=_Training.end)
        return self._trainings[1]

    def has(self, candidate_number: int) -> bool:
        """Return whether a candidate has this number."""
        return candidate_number in self._rows

    def new_point(self, choices: Any) -> Point:
        """Return the point of a network that the run has not evaluated.

        Raises:
            InvalidRequest: it is no network of the run's space, or one of its candidates; or the
                budget is spent.
        """
        if self.space is None or self._comparison is not None or self.settings.get("fit"):
            raise InvalidRequest("this run chooses its networks itself")
        point = point_in(self.space, choices)
        found = self.space.decode(point).architecture_id
        for values in self.rows()[1]:
            if values["architecture_id"] == found and values["confirms"] is None:
                raise InvalidRequest(f"it is candidate {values['number']} already")
        standing = Standing.of(self._ended_in_turn(), plan_of(self.settings, self.space))
        if standing.planned is not None and standing.evaluated >= standing.planned:
            raise InvalidRequest("the budget is spent; nas search --resume RUN --budget extends it")
        return point

    def candidate(self, candidate_number: int) -> Candidate | None:
        """Read one candidate anew; None if it does not exist or is damaged."""
        return self.reader.candidate(candidate_number)

    def _add(self, candidate: Candidate, new_rows: dict[int, Row], own_reward: Own | None) -> None:
        """Add the candidate's row to ``new_rows`` if it is new or has changed.

        The page cannot compute the user's ``own_reward``, if the run has one.
        """
        n, values = candidate.number, row(candidate, self.space)
        if self._comparison is not None:
            with self._lock:
                self._compared[n] = candidate
        if own_reward is not None:
            values["own_reward"] = number(reward(candidate, own_reward))
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
            images = values["effective_images"]
            interval = noise.accuracy_interval(accuracy, images=images) if is_share else None
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
            except DAMAGE:
                continue
            low, high = interval or (None, None)
            self._intervals[n] = dict(zip(INTERVAL, (number(low), number(high)), strict=True))
        if is_first or not self._awaiting_interval:
            for n, interval_values in self._intervals.items():
                new_rows[n] = {**known[n], **interval_values}
            self._intervals = {}
