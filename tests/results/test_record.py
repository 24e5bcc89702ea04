"""The record returns candidates as they were stored, and reports each problem in one line."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from results.candidate import Candidate, CurvePoint, State
from results.database import RecordError
from results.database_url import sqlite_url
from results.multiply_adds import RULE, normalised_values
from results.record import Record
from results.rows import SCHEMA_VERSION

MakeCandidate = Callable[..., Candidate]


def test_a_candidate_is_read_back_unchanged(url: str, make_candidate: MakeCandidate) -> None:
    bare = Candidate(2, State.RUNNING, make_candidate().architecture, seed=2**62)
    whole = make_candidate(3, trace="conv.py:4 in forward: x\nValueError: y")
    with Record.open(url, "a") as record:
        record.create({"budget": 5})
        for candidate in (whole, bare):
            record.start(replace(candidate, state=State.RUNNING))
        record.finish(whole)
    with Record.read(url, "a") as record:
        assert record.candidates() == [bare, whole]
        assert record.settings() == {"budget": 5}


def test_runs_share_a_database(url: str, make_candidate: MakeCandidate) -> None:
    with Record.open(url, "a") as one, Record.open(url, "b") as other:
        one.create({})
        other.create({})
        one.start(make_candidate(1))
        other.start(make_candidate(2))
        assert [candidate.number for candidate in one.candidates()] == [1]
        assert [candidate.number for candidate in other.candidates()] == [2]


def test_a_start_may_be_repeated_until_it_finishes(url: str, make_candidate: MakeCandidate) -> None:
    running = make_candidate(state=State.RUNNING)
    with Record.open(url, "a") as record:
        record.start(running)
        record.start(replace(running, worker="node-b"))
        assert [candidate.worker for candidate in record.candidates()] == ["node-b"]
        record.finish(make_candidate())
        with pytest.raises(RecordError, match="already recorded"):
            record.start(running)
        record.finish(make_candidate())  # repeated, as after a lost answer
        with pytest.raises(RecordError, match="candidate 0 has another end there"):
            record.finish(make_candidate(accuracy=0.5))
        assert record.candidates() == [make_candidate()]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_refused(
    url: str, make_candidate: MakeCandidate, bad: float
) -> None:
    with Record.open(url, "a") as record:
        with pytest.raises(ValueError, match="accuracy: got"):
            record.start(make_candidate(accuracy=bad))
        with pytest.raises(ValueError, match="curve: holds"):
            record.start(make_candidate(curve=(CurvePoint(1, bad, 0.1, 1.0),)))
        assert record.candidates() == []


def test_detail_is_stored_as_one_line(url: str, make_candidate: MakeCandidate) -> None:
    with Record.open(url, "a") as record:
        record.start(make_candidate(detail="out of\n memory\0 \ud800"))
        assert record.candidates()[0].detail == "out of memory ?"


def test_a_later_schema_is_refused_with_both_versions(url: str, tmp_path: Path) -> None:
    with Record.open(url, "a") as record:
        record.create({})
    database = sqlite3.connect(tmp_path / "record.sqlite")
    database.execute("UPDATE runs SET schema_version = 99")
    database.commit()
    database.close()
    with pytest.raises(RecordError, match=f"version 99, this release reads {SCHEMA_VERSION}"):
        Record.open(url, "a")


@pytest.fixture
def early_url(url: str, tmp_path: Path, make_candidate: MakeCandidate) -> str:
    """The record of an earlier release, with schema 1, which has candidate 0."""
    with Record.open(url, "a") as record:
        record.create({"budget": 5})
        record.start(make_candidate())
    with closing(sqlite3.connect(tmp_path / "record.sqlite")) as database, database:
        for column in ("started_event", "ended_event", "checksum"):
            database.execute(f"ALTER TABLE candidates DROP COLUMN {column}")
        database.execute("ALTER TABLE runs DROP COLUMN checksum")
        database.execute("UPDATE runs SET schema_version = 1")
    return url


def test_an_earlier_record_is_read_as_it_is(early_url: str, make_candidate: MakeCandidate) -> None:
    with Record.read(early_url, "a") as record:
        assert record.settings() == {"budget": 5}
        assert record.candidates() == [make_candidate()]


def test_an_earlier_record_is_gone_on_with(
    early_url: str, tmp_path: Path, make_candidate: MakeCandidate
) -> None:
    later = make_candidate(1, started_event=1, ended_event=2)
    with Record.reopen(early_url, "a") as record:
        record.start(later)
        assert record.candidates() == [make_candidate(), later]
    with closing(sqlite3.connect(tmp_path / "record.sqlite")) as database:
        assert database.execute("SELECT schema_version FROM runs").fetchall() == [(SCHEMA_VERSION,)]


def test_a_record_that_is_gone_on_with_has_one_rule_for_multiply_adds(
    url: str, tmp_path: Path, make_candidate: MakeCandidate
) -> None:
    """Schema 5 counted batch normalisation too, and its table has no column for the rule."""
    earlier, later = (make_candidate(number, multiply_adds=10**8) for number in (0, 1))
    timed = earlier.step_time
    assert timed is not None
    values = normalised_values(earlier.architecture, timed.image_size)
    assert values
    with Record.open(url, "a") as record:
        record.create({})
        record.start(earlier)
    with closing(sqlite3.connect(tmp_path / "record.sqlite")) as database, database:
        database.execute("ALTER TABLE candidates DROP COLUMN multiply_adds_rule")
        database.execute("UPDATE candidates SET checksum = NULL")
        database.execute("UPDATE runs SET schema_version = 5")
    converted = replace(earlier, multiply_adds=10**8 - 2 * values)
    with Record.read(url, "a") as record:
        assert record.candidates() == [converted]
    with Record.reopen(url, "a") as record:
        record.start(later)
        assert record.candidates() == [converted, later]
    with closing(sqlite3.connect(tmp_path / "record.sqlite")) as database:
        rows = database.execute("SELECT multiply_adds, multiply_adds_rule FROM candidates")
        assert rows.fetchall() == [(10**8, None), (10**8, RULE)]  # what was written stays


def test_reading_creates_no_file_and_no_run(url: str, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no such file"):
        Record.read(url, "a")
    assert list(tmp_path.iterdir()) == []
    with Record.open(url, "a") as record:
        record.create({})
        with pytest.raises(RecordError, match="run 'a' already exists"):
            record.create({})
    with pytest.raises(RecordError, match="no run 'b'"):
        Record.read(url, "b")


def test_a_path_with_special_characters_has_a_url(tmp_path: Path) -> None:
    file = tmp_path / "a b?c#d%20é.sqlite"
    with Record.open(sqlite_url(file), "a") as record:
        record.create({})
    assert file.is_file()
    Record.read(sqlite_url(file), "a").close()


def test_a_file_that_is_not_a_database(url: str, tmp_path: Path) -> None:
    (tmp_path / "record.sqlite").write_text("number,accuracy\n" * 1000)
    for way in (Record.open, Record.read):
        with pytest.raises(RecordError, match="not a record") as error:
            way(url, "a")
        assert "\n" not in str(error.value)


def test_a_locked_database(url: str, tmp_path: Path, make_candidate: MakeCandidate) -> None:
    with Record.open(f"{url}?timeout=0.05", "a") as record:
        other = sqlite3.connect(tmp_path / "record.sqlite")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RecordError, match="locked"):
            record.start(make_candidate())
        other.close()
        record.start(make_candidate())


def test_a_full_database_keeps_what_it_has(
    url: str, tmp_path: Path, make_candidate: MakeCandidate
) -> None:
    with Record.open(url, "a") as record:
        record.create({})
        with record._engine.connect() as connection:  # the pool reuses this connection
            connection.exec_driver_sql("PRAGMA max_page_count=30")
        written = _fill(record, make_candidate)
        assert 0 < written < 1000
        with pytest.raises(RecordError, match="no room left"):
            record.start(make_candidate(written))
        assert record.candidates() == [make_candidate(number) for number in range(written)]


def _fill(record: Record, make_candidate: MakeCandidate) -> int:
    """Start up to 1,000 candidates until the disk is full; return their number."""
    for number in range(1000):
        try:
            record.start(make_candidate(number))
        except RecordError:
            return number
    return 1000


@pytest.mark.parametrize(
    "url", ["nonsense", "mongodb://host/x", "postgresql://h:p:q/x", "sqlite:////no/such/r.sqlite"]
)
def test_a_bad_url_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(RecordError) as error:
        Record.open(url, "a")
    assert "\n" not in str(error.value)


def test_a_password_is_not_shown(url: str) -> None:
    with pytest.raises(RecordError) as error:
        Record.open("postgresql://user:secret@127.0.0.1:1/x", "a")
    assert "secret" not in str(error.value)


def test_a_loss_of_any_size_is_read_back(
    make_candidate: Callable[..., Candidate], tmp_path: Path
) -> None:
    largest = make_candidate(
        curve=(CurvePoint(1, 3.4e38, 0.1, 1.0), CurvePoint(2, 1e308, 0.1, 2.0))
    )
    with Record.open(sqlite_url(tmp_path / "record.sqlite"), "run") as record:
        record.create({})
        record.start(replace(largest, state=State.RUNNING))
        record.finish(largest)
        assert record.candidates() == [largest]
        assert record.damage is None
