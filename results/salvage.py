"""Damage to a record: how it is noticed, what can still be read, and the line that says so.

A damaged SQLite file is not read through its tree, in which damage to one page may hide half of the
rows in silence. Its rows are collected from its pages, into a database in memory that is whole.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

from sqlalchemy import Boolean, Column, Double, StaticPool, create_engine, insert

from results.candidate import Candidate, State
from results.rows import CANDIDATES, METADATA, RUNS, SCHEMA_VERSION, from_row, settings_of
from results.sqlite_pages import Row, read_pages

DAMAGE = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError)
"""Exceptions that damaged values may raise."""

SALVAGE_HINT = "nas results RUN --salvage OUT writes what can be read to a new run"
_MOST_NUMBERS = 5  # in a line


@dataclass
class Salvaged:
    """What was found in a damaged file: its runs, and by run its candidates' rows and numbers.

    ``known`` are the numbers of all candidates that are known to have been recorded.
    """

    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    rows: dict[str, dict[int, dict[str, Any]]] = field(default_factory=lambda: defaultdict(dict))
    known: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    @property
    def is_empty(self) -> bool:
        """Whether nothing was found, such as in a file that is something else."""
        return not self.runs or (any(self.known.values()) and not any(self.rows.values()))

    def lost(self, run_id: str) -> set[int]:
        """Return the numbers of a run's candidates that cannot be read."""
        return self.known[run_id] - self.rows[run_id].keys()

    def database(self) -> bytes:
        """Return an SQLite database that holds what was found."""
        engine = create_engine("sqlite://", poolclass=StaticPool)
        METADATA.create_all(engine)
        candidates = [row for rows in self.rows.values() for row in rows.values()]
        with engine.begin() as connection:
            for table, rows in ((RUNS, list(self.runs.values())), (CANDIDATES, candidates)):
                if rows:
                    connection.execute(insert(table), rows)
        with closing(engine.raw_connection()) as raw:
            assert isinstance(raw.driver_connection, sqlite3.Connection)
            content = raw.driver_connection.serialize()
        engine.dispose()
        return content


def is_damaged(connection: sqlite3.Connection) -> bool:
    """Return whether an SQLite record is damaged, except in the values of its candidates' rows.

    This takes 6 us a candidate.
    """
    try:
        if connection.execute("PRAGMA integrity_check(1)").fetchall() != [("ok",)]:
            return True
        for table in (RUNS, CANDIDATES):
            names = ", ".join(c.name for c in table.columns if "since" not in c.info)
            connection.execute(f"SELECT {names} FROM {table.name} LIMIT 0")
        cursor = connection.execute("SELECT * FROM runs")
        names_found = [column[0] for column in cursor.description]
        for row in cursor:
            settings_of(dict(zip(names_found, row, strict=True)))
    except sqlite3.DatabaseError as error:
        return getattr(error, "sqlite_errorcode", 0) & 0xFF not in NOT_DAMAGE
    except DAMAGE:
        return True
    return False


NOT_DAMAGE = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_INTERRUPT)
"""Errors of SQLite that say nothing about the file: it is locked, or the time is over."""


def salvage(file: Path) -> Salvaged:
    """Collect what can be read of an SQLite record and its WAL; raise OSError if they cannot be.

    Of a row that is found several times, since former ones stay in pages that are not in use, the
    one of a candidate that has ended counts.
    """
    found = Salvaged()
    for row in read_pages(file).rows():
        match row:
            case [str(run_id), int(number), int()]:  # of the index of candidates
                found.known[run_id].add(number)
            case [str(run_id), int(), int() | float(), str(), *checksum] if len(checksum) < 2:
                _add_run(found, run_id, _named(RUNS.columns, row))
            case [str(run_id), int(number), str(), *_] if len(row) > len(RUNS.columns):
                found.known[run_id].add(number)
                _add_candidate(found.rows[run_id], number, row)
    for run_id in found.runs:
        found.known[run_id].update(found.rows[run_id])
    return found


def _named(columns: Iterable[Column[Any]], row: Row) -> dict[str, Any]:
    """Return a row by column; columns that were added after it was written have no value."""
    named: dict[str, Any] = {}
    columns = list(columns)
    for column, value in zip_longest(columns, row[: len(columns)]):
        if isinstance(column.type, Boolean) and value in (0, 1):
            value = bool(value)
        elif isinstance(column.type, Double) and isinstance(value, int):
            value = float(value)  # SQLite stores a whole number in fewer bytes
        named[column.name] = value
    return named


@cache
def _orders() -> list[list[Column[Any]]]:
    """Return the orders that a candidate's columns may have in a file.

    A record that an earlier release began has its columns in that release's order, and those that
    were added later behind them, by the schema that brought them.
    """
    columns = list(CANDIDATES.columns)
    orders: list[list[Column[Any]]] = []
    for first in range(SCHEMA_VERSION, 0, -1):
        order = sorted(columns, key=lambda column: max(first, column.info.get("since", 1)))
        if order not in orders:
            orders.append(order)
    return orders


def _add_run(found: Salvaged, run_id: str, row: dict[str, Any]) -> None:
    """Add a run's row, or its copy; one with damaged settings only if there is no other."""
    try:
        settings_of(row)
    except DAMAGE:
        found.runs.setdefault(run_id, row)
        return
    found.runs[run_id] = row


def _add_candidate(rows: dict[int, dict[str, Any]], number: int, row: Row) -> None:
    """Add a candidate's row; its checksum tells in which order its columns are.

    A row of the first schema has none, and any order in which it can be read will do.
    """
    named: dict[str, Any] | None = None
    for order in _orders():
        tried = _named(order, row)
        if _is_readable(tried):
            named = tried if named is None or tried["checksum"] is not None else named
            if named["checksum"] is not None:
                break
    if named is None:
        return
    if number not in rows or rows[number]["state"] == State.RUNNING.value:
        rows[number] = named


def _is_readable(row: dict[str, Any]) -> bool:
    try:
        from_row(row)
    except DAMAGE:
        return False
    return True


def candidates_of(rows: Iterable[Mapping[Any, Any]]) -> tuple[list[Candidate], list[int]]:
    """Return the candidates of a record's rows, and the numbers of damaged ones."""
    candidates, damaged = [], []
    for row in rows:
        try:
            candidates.append(from_row(row))
        except DAMAGE:
            damaged.append(row["number"])
    return candidates, damaged


def damage_line(address: str, readable: int, lost: Collection[int]) -> str:
    """Return the line on a damaged record, of which ``readable`` candidates were read."""
    if not lost:
        return f"{address}: damaged, but all {readable} candidates can be read"
    numbers = ", ".join(str(number) for number in sorted(lost)[:_MOST_NUMBERS])
    more = f" and {len(lost) - _MOST_NUMBERS} more" if len(lost) > _MOST_NUMBERS else ""
    return (
        f"{address}: damaged; {len(lost)} of {readable + len(lost)} candidates cannot be read "
        f"(no. {numbers}{more})"
    )


def opened(database: bytes) -> sqlite3.Connection:
    """Open a database of :meth:`Salvaged.database` in memory."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.deserialize(database)
    return connection
