"""The record: the one store of what happened in a run, SQLite in its directory or PostgreSQL."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple
from math import isfinite
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Engine, RowMapping, insert, select, update
from sqlalchemy.sql import Update

from results.candidate import Candidate, CurvePoint, State
from results.database import (
    CANDIDATES,
    METADATA,
    RUNS,
    SCHEMA_VERSION,
    RecordError,
    address,
    connect,
    one_line_errors,
    sqlite_file,
)
from reward.step_time.measurement import StepTime
from search_space.architecture import Architecture


class Record:
    """One run in a database: its settings and its candidates.

    One process writes, any number reads at the same time. What a method has written when it
    returns is on the disk: neither SIGKILL nor a power cut takes it away.

    Every method raises RecordError, in one line, for a database that is full, locked or damaged.
    """

    def __init__(self, engine: Engine, run_id: str) -> None:
        self._engine = engine
        self._where = address(engine.url)
        self.run_id = run_id

    @classmethod
    def open(cls, url: str, run_id: str) -> Self:
        """The record at a URL such as ``sqlite:///runs/a/record.sqlite``, made if it is not there.

        Raises:
            RecordError: no database, one that cannot be reached, or a later schema version.
        """
        record = cls(connect(url), run_id)
        with record._closed_on_error(), one_line_errors(record._where):
            METADATA.create_all(record._engine)
            record._check_version()
        return record

    @classmethod
    def read(cls, url: str, run_id: str) -> Self:
        """The record of a run that exists, for a reader: makes nothing.

        Raises:
            RecordError: as :meth:`open`, and if there is no such file or run.
        """
        record = cls(connect(url), run_id)
        with record._closed_on_error(), one_line_errors(record._where):
            file = sqlite_file(url)
            if file and not file.is_file():
                raise RecordError(f"{record._where}: no such file")
            record._check_version()
            record.settings()
        return record

    def create(self, settings: Mapping[str, Any]) -> None:
        """Begins the run; ``settings`` are JSON types. RecordError if it exists."""
        row = {
            "run_id": self.run_id,
            "schema_version": SCHEMA_VERSION,
            "created_at": time.time(),
            "settings": to_text("settings", dict(settings)),
        }
        if self._run() is not None:
            raise RecordError(f"{self._where}: run {self.run_id!r} is there already")
        with self._transaction() as connection:
            connection.execute(insert(RUNS).values(row))

    def change_settings(self, settings: Mapping[str, Any]) -> None:
        """Replaces the settings of a run that exists, as when its budget is raised."""
        text = to_text("settings", dict(settings))
        with self._transaction() as connection:
            connection.execute(
                update(RUNS).where(RUNS.c.run_id == self.run_id).values(settings=text)
            )

    def settings(self) -> dict[str, Any]:
        """What the run was created with; RecordError if there is no such run."""
        run = self._run()
        if run is None:
            raise RecordError(f"{self._where}: no run {self.run_id!r}")
        settings: dict[str, Any] = json.loads(run["settings"])
        return settings

    def start(self, candidate: Candidate) -> None:
        """Records a candidate when it begins, over an earlier start that never finished.

        RecordError if it has finished already, ValueError for a number that is not finite.
        """
        row = {"run_id": self.run_id, **to_row(candidate)}
        with self._transaction() as connection:
            if connection.execute(self._update_running(row)).rowcount == 0:
                connection.execute(insert(CANDIDATES).values(row))

    def finish(self, candidate: Candidate) -> None:
        """Records how a started candidate ended, in one transaction.

        Doing so again changes nothing, as after a server's answer that was lost. RecordError if it
        is not running and did not end like this, ValueError for a number that is not finite.
        """
        row = {"run_id": self.run_id, **to_row(candidate)}
        with self._transaction() as connection:
            if connection.execute(self._update_running(row)).rowcount == 0:
                query = select(CANDIDATES).where(CANDIDATES.c.run_id == self.run_id)
                query = query.where(CANDIDATES.c.number == candidate.number)
                if dict(connection.execute(query).mappings().first() or {}) != row:
                    raise RecordError(f"{self._where}: candidate {candidate.number} is not running")

    def candidates(self) -> list[Candidate]:
        """All candidates in the order of their numbers."""
        query = select(CANDIDATES).where(CANDIDATES.c.run_id == self.run_id)
        with self._transaction() as connection:
            rows = connection.execute(query.order_by(CANDIDATES.c.number)).mappings().all()
        try:
            return [from_row(row) for row in rows]
        except (ValueError, TypeError) as error:
            raise RecordError(f"{self._where}: a damaged candidate ({error})") from error

    def close(self) -> None:
        """Lets go of the database; what was written stays."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with one_line_errors(self._where), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        try:
            yield
        except RecordError:
            self.close()
            raise

    def _run(self) -> RowMapping | None:
        with self._transaction() as connection:
            query = select(RUNS).where(RUNS.c.run_id == self.run_id)
            return connection.execute(query).mappings().first()

    def _check_version(self) -> None:
        run = self._run()
        if run is not None and run["schema_version"] > SCHEMA_VERSION:
            raise RecordError(
                f"{self._where}: has schema version {run['schema_version']}, "
                f"this release reads {SCHEMA_VERSION} and earlier ones"
            )

    def _update_running(self, row: Mapping[str, Any]) -> Update:
        return (
            update(CANDIDATES)
            .where(CANDIDATES.c.run_id == self.run_id)
            .where(CANDIDATES.c.number == row["number"])
            .where(CANDIDATES.c.state == State.RUNNING.value)
            .values(row)
        )


_SCALARS = (
    "number",
    "seed",
    "cause",
    "accuracy",
    "parameters",
    "multiply_adds",
    "reference_parameters",
    "inference_time_s",
    "image_size",
    "confirms",
    "worker",
    "started_at",
    "finished_at",
)


# The step time's facts, as they are called there: in the table.
_TIMED = {
    "peak_memory_bytes": "peak_memory_bytes",
    "device": "device",
    "image_size": "timed_image_size",
    "batch_size": "batch_size",
    "micro_batch_size": "micro_batch_size",
    "is_precise": "is_precise",
    "unsteady": "unsteady",
}


def to_row(candidate: Candidate) -> dict[str, Any]:
    """The candidate by column; ValueError naming the field where a number is not finite."""
    timed = candidate.step_time
    return {
        **{name: _finite(name, getattr(candidate, name)) for name in _SCALARS},
        "state": candidate.state.value,
        "detail": _one_line(candidate.detail),
        "architecture": to_text("architecture", candidate.architecture.to_json()),
        "proposal": to_text("proposal", dict(candidate.proposal)),
        **{column: getattr(timed, name, None) for name, column in _TIMED.items()},
        "samples_s": timed and to_text("samples_s", timed.samples_s),
        "reference_samples_s": timed and to_text("reference_samples_s", timed.reference_samples_s),
        "curve": to_text("curve", [astuple(point) for point in candidate.curve]),
        "phases_s": to_text("phases_s", dict(candidate.phases_s)),
        "versions": to_text("versions", dict(candidate.versions)),
    }


def from_row(row: RowMapping) -> Candidate:
    """The candidate that :func:`to_row` wrote."""
    return Candidate(
        **{name: row[name] for name in _SCALARS},
        state=State(row["state"]),
        detail=row["detail"],
        architecture=Architecture.from_json(json.loads(row["architecture"])),
        step_time=None if row["device"] is None else _step_time(row),
        curve=tuple(CurvePoint(*point) for point in json.loads(row["curve"])),
        proposal=json.loads(row["proposal"]),
        phases_s=json.loads(row["phases_s"]),
        versions=json.loads(row["versions"]),
    )


def to_text(name: str, value: object) -> str:
    """Compact JSON; ValueError naming the field where a number is not finite."""
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise ValueError(f"{name}: holds a number that is not finite") from error


def _step_time(row: RowMapping) -> StepTime:
    return StepTime(
        samples_s=tuple(json.loads(row["samples_s"])),
        reference_samples_s=tuple(json.loads(row["reference_samples_s"])),
        **{name: row[column] for name, column in _TIMED.items()},
    )


def _finite(name: str, value: object) -> object:
    if isinstance(value, float) and not isfinite(value):
        raise ValueError(f"{name}: got {value}, must be a finite number")
    return value


def _one_line(text: str | None) -> str | None:
    """Text that every database takes: no line ends, NULs or half characters, as errors may have."""
    if text is None:
        return None
    return " ".join(text.replace("\0", " ").encode(errors="replace").decode().split())
