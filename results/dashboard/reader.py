"""A read-only view of a run's record, which a search may be writing at the same time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Table, or_, select

from results.candidate import Candidate
from results.database import RecordError, check_schema_version, columns, one_line_errors, rows_of
from results.database_url import display_address
from results.read_only import connect_read_only
from results.rows import CANDIDATES, RUNS, settings_of
from results.salvage import DAMAGE, candidates_of


@dataclass(frozen=True)
class RunRow:
    """Settings of a run, and its creation time in Unix seconds."""

    settings: dict[str, Any]
    created_at: float


@dataclass(frozen=True)
class Reading:
    """Candidates by ascending number, and the numbers of damaged ones."""

    candidates: list[Candidate]
    damaged: list[int]


class Reader:
    """Reader of one run's rows; every method may raise RecordError, whose message is one line."""

    def __init__(self, url: str, run_id: str) -> None:
        self._run_id = run_id
        self._address = display_address(url)
        self._engine, self._salvaged = connect_read_only(url)

    def run(self) -> RunRow:
        """Return the run's row; RecordError if it is missing, or of a later release."""
        rows = self._rows(RUNS)
        if not rows:
            raise RecordError(f"{self._address}: no run {self._run_id!r}")
        check_schema_version(rows[0]["schema_version"], self._address)
        try:
            settings = settings_of(rows[0])
        except DAMAGE as error:
            raise RecordError(f"{self._address}: the settings are damaged ({error})") from error
        return RunRow(settings, rows[0]["created_at"])

    def candidates(self, after: int = -1, also: Collection[int] = ()) -> Reading:
        """Read the candidates with numbers above ``after``, and those with the numbers ``also``."""
        return self._read(or_(CANDIDATES.c.number > after, CANDIDATES.c.number.in_(also)))

    def candidate(self, number: int) -> Candidate | None:
        """Read one candidate; None if it does not exist or is damaged."""
        candidates = self._read(CANDIDATES.c.number == number).candidates
        return candidates[0] if candidates else None

    @property
    def is_damaged(self) -> bool:
        """Whether the record's file is damaged; a row may be damaged in a file that is not."""
        return self._salvaged is not None

    def lost(self) -> set[int]:
        """Return the numbers of the candidates of which a damaged file holds nothing readable."""
        return self._salvaged.lost(self._run_id) if self._salvaged else set()

    def close(self) -> None:
        """Close the connections to the database."""
        self._engine.dispose()

    def _read(self, condition: ColumnElement[bool]) -> Reading:
        return Reading(*candidates_of(self._rows(CANDIDATES, condition)))

    def _rows(self, table: Table, *conditions: ColumnElement[bool]) -> list[RowMapping]:
        """Return the run's rows of a table, by ascending number."""
        try:
            with one_line_errors(self._address), self._engine.connect() as connection:
                query = select(*columns(connection, table)).where(table.c.run_id == self._run_id)
                query = query.where(*conditions).order_by(*table.primary_key)
                return rows_of(connection, query, self._address)
        except DAMAGE as error:  # raised by the driver, for a value of the wrong type
            raise RecordError(f"{self._address}: damaged ({error})") from error
