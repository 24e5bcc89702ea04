"""The record of a run, its only store: SQLite in the run directory, or PostgreSQL by URL."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from sqlalchemy import Connection, Engine, RowMapping, delete, insert, select, update
from sqlalchemy.sql import Update

from results.candidate import Candidate, State
from results.closing import Closing
from results.database import (
    OtherEnd,
    RecordError,
    check_schema_version,
    checkpoint,
    columns,
    connect,
    create_tables,
    leave_wal,
    one_line_errors,
    rows_of,
)
from results.database_url import display_address, sqlite_file
from results.read_only import ReadOnly, connect_read_only
from results.rows import (
    CANDIDATES,
    RUN_COPIES,
    RUNS,
    SCHEMA_VERSION,
    settings_of,
    settings_row,
    to_row,
)
from results.salvage import SALVAGE_HINT, candidates_of, damage_line

_CHECKPOINT_PAUSE_S = 1.0


class Record(Closing):
    """The record of one run in a database: its settings and its candidates.

    One process writes; any number of processes may read at the same time. When a method returns,
    its changes are on the disk and survive SIGKILL and a power cut. On a database server, the
    writer of a run holds a lock there, so that no second one can be opened.

    Every method raises RecordError, in one line, for a database that is damaged, and RecordAway for
    one that is full, locked, or cannot be reached, which may pass. A record that is opened for
    reading gives what can be read of a damaged one; :meth:`candidates` then sets ``damage`` to a
    line on the rest.
    """

    def __init__(
        self, engine: Engine, url: str, run_id: str, reads: ReadOnly | None = None
    ) -> None:
        self._engine = engine
        self._address = display_address(url)
        self._reads = reads
        self._writes_to = None if reads else sqlite_file(url)
        self.damage: str | None = None
        self.run_id = run_id
        self._is_settled = True
        self._settled_at = time.monotonic()

    @classmethod
    def open(cls, url: str, run_id: str) -> Self:
        """Open the record at a URL such as ``sqlite:///runs/a/record.sqlite``; create its tables.

        Raises:
            RecordError: not a database, it cannot be reached, or a later release wrote the run.
        """
        record = cls(connect(url, run_id), url, run_id)
        with record._closed_on_error():
            record._bring_up_to_date()
            record._check_version()
        return record

    @classmethod
    def reopen(cls, url: str, run_id: str) -> Self:
        """Open the record of an existing run for writing; create nothing.

        Raises:
            RecordError: as for :meth:`open`, if it is damaged, and if the file or the run does not
                exist.
        """
        if connect_read_only(url).salvaged is not None:
            raise RecordError(f"{display_address(url)}: damaged; {SALVAGE_HINT}")
        record = cls(connect(url, run_id), url, run_id)._checked()
        with record._closed_on_error():
            record._bring_up_to_date()
        return record

    @classmethod
    def read(cls, url: str, run_id: str) -> Self:
        """Open the record of an existing run for reading alone; no write access is needed.

        Raises:
            RecordError: as for :meth:`open`, and if the file or the run does not exist.
        """
        reads = connect_read_only(url)
        return cls(reads.engine, url, run_id, reads)._checked()

    def create(self, settings: Mapping[str, Any]) -> None:
        """Add the run with its settings, in JSON types.

        Raises:
            RecordError: the run already exists.
            ValueError: a number in the settings is not finite.
        """
        row = {
            "run_id": self.run_id,
            "schema_version": SCHEMA_VERSION,
            "created_at": time.time(),
            **settings_row(settings),
        }
        if self._run() is not None:
            raise RecordError(f"{self._address}: run {self.run_id!r} already exists")
        with self._changes() as connection:
            for table in (RUNS, RUN_COPIES):
                connection.execute(insert(table).values(row))

    def change_settings(self, settings: Mapping[str, Any]) -> None:
        """Replace the settings of an existing run, for example when its budget is raised."""
        row = settings_row(settings)
        with self._changes() as connection:
            for table in (RUNS, RUN_COPIES):
                connection.execute(update(table).where(table.c.run_id == self.run_id).values(row))

    def settings(self) -> dict[str, Any]:
        """Return the settings of the run; RecordError if the run does not exist."""
        run = self._run()
        if run is None:
            raise RecordError(f"{self._address}: no run {self.run_id!r}")
        try:
            return settings_of(run)
        except ValueError as error:
            self.close()
            raise RecordError(f"{self._address}: the settings are damaged ({error})") from error

    def start(self, candidate: Candidate) -> None:
        """Record that a candidate has begun; this replaces an earlier start that never finished.

        Raises:
            RecordError: the candidate has finished already.
            ValueError: one of its numbers is not finite.
        """
        row = {"run_id": self.run_id, **to_row(candidate)}
        with self._changes() as connection:
            if connection.execute(self._update_running(row)).rowcount == 0:
                connection.execute(insert(CANDIDATES).values(row))

    def finish(self, candidate: Candidate) -> None:
        """Record the end of a candidate, in one transaction.

        A second call with the same candidate changes nothing, so that it may be repeated when the
        database server's answer was lost.

        Raises:
            OtherEnd: the candidate is recorded with another end.
            ValueError: one of its numbers is not finite.
        """
        row = {"run_id": self.run_id, **to_row(candidate)}
        with self._changes() as connection:
            if connection.execute(self._update_running(row)).rowcount:
                return
            query = select(CANDIDATES).where(CANDIDATES.c.run_id == self.run_id)
            query = query.where(CANDIDATES.c.number == candidate.number)
            recorded = connection.execute(query).mappings().first()
            if recorded is None:  # a duplicate, which never runs
                connection.execute(insert(CANDIDATES).values(row))
            elif dict(recorded) != row:
                raise OtherEnd(
                    f"{self._address}: candidate {candidate.number} has another end there"
                )

    def add(self, candidates: Iterable[Candidate]) -> None:
        """Record candidates of another record as they are, all in one transaction."""
        rows = [{"run_id": self.run_id, **to_row(candidate)} for candidate in candidates]
        with self._changes() as connection:
            for row in rows:
                connection.execute(insert(CANDIDATES).values(row))

    def candidates(self) -> list[Candidate]:
        """Return all candidates, by ascending number; when reading alone, those not damaged."""
        with self._transaction() as connection:
            query = select(*columns(connection, CANDIDATES)).order_by(CANDIDATES.c.number)
            query = query.where(CANDIDATES.c.run_id == self.run_id)
            rows = rows_of(connection, query, self._address)
        found, damaged = candidates_of(rows)
        self._note_damage(len(found), damaged)
        if self.damage is not None and self._reads is None:
            raise RecordError(f"{self.damage}; {SALVAGE_HINT}")
        return found

    def settle(self) -> None:
        """Copy what was written from SQLite's WAL into the file itself, at most once a second.

        The file alone then holds it. Each write does so; call it from time to time for the last.
        """
        is_due = time.monotonic() >= self._settled_at + _CHECKPOINT_PAUSE_S
        if self._writes_to is not None and not self._is_settled and is_due:
            checkpoint(self._engine)
            self._is_settled, self._settled_at = True, time.monotonic()

    def remove(self) -> None:
        """Remove the run from the database, and an SQLite file that then holds no other; close it.

        The tables of a database server stay.
        """
        with self._transaction() as connection:
            for table in (CANDIDATES, RUNS, RUN_COPIES):
                connection.execute(delete(table).where(table.c.run_id == self.run_id))
            others = connection.execute(select(RUNS.c.run_id).limit(1)).first()
        self.close()
        if self._writes_to is not None and others is None:
            self._writes_to.unlink(missing_ok=True)
            self._writes_to = None

    def close(self) -> None:
        """Close the connections to the database.

        After the last writer, an SQLite file is no longer in WAL mode, so that it can be read where
        nothing can be written.
        """
        if self._writes_to is not None:
            checkpoint(self._engine, is_last=True)
        self._engine.dispose()
        if self._writes_to is not None:
            leave_wal(self._writes_to)

    def _note_damage(self, readable: int, damaged: Collection[int]) -> None:
        salvaged = self._reads.salvaged if self._reads else None
        lost = {*damaged, *(salvaged.lost(self.run_id) if salvaged else ())}
        is_damaged = lost or salvaged is not None
        self.damage = damage_line(self._address, readable, lost) if is_damaged else None

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with one_line_errors(self._address), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _changes(self) -> Iterator[Connection]:
        with self._transaction() as connection:
            yield connection
        self._is_settled = False
        self.settle()

    @contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        """Close the record if what is done with it raises RecordError."""
        try:
            yield
        except RecordError:
            self.close()
            raise

    def _checked(self) -> Self:
        with self._closed_on_error():
            self._check_version()
            self.settings()
        return self

    def _run(self) -> RowMapping | None:
        """Return the row of the run, None if it does not exist."""
        with self._transaction() as connection:
            query = select(*columns(connection, RUNS)).where(RUNS.c.run_id == self.run_id)
            return connection.execute(query).mappings().first()

    def _bring_up_to_date(self) -> None:
        """Create the tables, and add to those of an earlier release what they lack."""
        with self._transaction() as connection:
            create_tables(connection)
            is_earlier = RUNS.c.schema_version < SCHEMA_VERSION
            of_run = update(RUNS).where(RUNS.c.run_id == self.run_id).where(is_earlier)
            connection.execute(of_run.values(schema_version=SCHEMA_VERSION))
            names = [column.name for column in RUNS.columns]
            copied = select(RUN_COPIES.c.run_id)
            missing = select(RUNS).where(RUNS.c.run_id == self.run_id)
            missing = missing.where(RUNS.c.run_id.not_in(copied))
            connection.execute(insert(RUN_COPIES).from_select(names, missing))

    def _check_version(self) -> None:
        run = self._run()
        if run is not None:
            check_schema_version(run["schema_version"], self._address)

    def _update_running(self, row: Mapping[str, Any]) -> Update:
        """Build the update of a candidate's row, which changes it only while it is running."""
        return (
            update(CANDIDATES)
            .where(CANDIDATES.c.run_id == self.run_id)
            .where(CANDIDATES.c.number == row["number"])
            .where(CANDIDATES.c.state == State.RUNNING.value)
            .values(row)
        )
