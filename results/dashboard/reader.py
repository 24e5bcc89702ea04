"""Reads a run's record while a search may be writing it, and never writes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import ColumnElement, Engine, RowMapping, create_engine, event, or_, select
from sqlalchemy.pool import NullPool

from results.candidate import Candidate
from results.database import (
    CANDIDATES,
    RUNS,
    SCHEMA_VERSION,
    RecordError,
    connect,
    one_line_errors,
    sqlite_file,
)
from results.record import from_row

_DAMAGE = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError)
_MISSING_COLUMN = ("no such column", "does not exist")


@dataclass(frozen=True)
class RunRow:
    """A run's own row: what it was asked for, and when in Unix seconds."""

    settings: dict[str, Any]
    created_at: float


@dataclass(frozen=True)
class Reading:
    """Candidates in the order of their numbers, and the numbers of those that cannot be read."""

    candidates: list[Candidate] = field(default_factory=list)
    damaged: list[int] = field(default_factory=list)


class Reader:
    """One run's rows; every method raises RecordError, in one line that says what is wrong."""

    def __init__(self, url: str, run_id: str) -> None:
        self._run_id = run_id
        file = sqlite_file(url)
        self._where = str(file or url.rpartition("@")[2])
        if file is not None and not file.is_file():
            raise RecordError(f"{file}: no such file")
        self._engine = connect(url) if file is None else _read_only(file)

    def run(self) -> RunRow:
        """The run's row; RecordError if there is none, or a later release made it."""
        rows = self._rows(select(RUNS).where(RUNS.c.run_id == self._run_id))
        if not rows:
            raise RecordError(f"{self._where}: no run {self._run_id!r}")
        version = rows[0]["schema_version"]
        if not isinstance(version, int) or version > SCHEMA_VERSION:
            raise RecordError(
                f"{self._where}: has schema version {version!r}, this release reads "
                f"{SCHEMA_VERSION} and earlier ones"
            )
        try:
            settings = json.loads(rows[0]["settings"])
        except _DAMAGE as error:
            raise RecordError(f"{self._where}: damaged settings ({error})") from error
        if not isinstance(settings, dict):
            raise RecordError(f"{self._where}: damaged settings (no object)")
        return RunRow(settings, rows[0]["created_at"])

    def candidates(self, after: int = -1, also: Collection[int] = ()) -> Reading:
        """Those with a number above ``after``, and those of the numbers ``also``."""
        return self._reading(or_(CANDIDATES.c.number > after, CANDIDATES.c.number.in_(also)))

    def candidate(self, number: int) -> Candidate | None:
        """The one of that number; None if there is none, or it is damaged."""
        found = self._reading(CANDIDATES.c.number == number).candidates
        return found[0] if found else None

    def close(self) -> None:
        """Lets go of the database."""
        self._engine.dispose()

    def _reading(self, wanted: ColumnElement[bool]) -> Reading:
        query = select(CANDIDATES).where(CANDIDATES.c.run_id == self._run_id).where(wanted)
        reading = Reading()
        for row in self._rows(query.order_by(CANDIDATES.c.number)):
            try:
                reading.candidates.append(from_row(row))
            except _DAMAGE:
                reading.damaged.append(row["number"])
        return reading

    def _rows(self, query: Any) -> list[RowMapping]:
        try:
            with one_line_errors(self._where), self._engine.connect() as connection:
                return list(connection.execute(query).mappings())
        except RecordError as error:
            if any(said in str(error) for said in _MISSING_COLUMN):
                raise RecordError(f"{error}: made by another release of this tool") from error
            raise
        except _DAMAGE as error:  # the driver's own, for a column of the wrong type
            raise RecordError(f"{self._where}: damaged ({error})") from error


def _read_only(file: Path) -> Engine:
    """An engine that opens the file anew each time, so that a run made again is seen."""

    def connection() -> sqlite3.Connection:
        address = f"file:{quote(str(file))}?mode=ro"
        try:
            opened = sqlite3.connect(address, uri=True, timeout=1)
            opened.execute("SELECT 1 FROM sqlite_master")
        except sqlite3.OperationalError:
            # A record on a medium that cannot be written at all has no place for SQLite's own
            # index of the log beside it; nobody else can write it either.
            opened = sqlite3.connect(f"{address}&immutable=1", uri=True)
        return opened

    engine = create_engine("sqlite://", creator=connection, poolclass=NullPool)
    event.listen(engine, "connect", _distrust)
    return engine


def _distrust(connection: Any, _: object) -> None:
    """A file from elsewhere may define views and triggers that call functions."""
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA query_only=ON")
