"""Damage to a record is noticed and counted, and all else is read."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from results.candidate import Candidate, State
from results.database import RecordError
from results.record import Record
from results.rows import CANDIDATES, SCHEMA_VERSION, from_row
from results.salvage import SALVAGE_HINT, salvage
from tests.postgres import postgres_server

MakeCandidate = Callable[..., Candidate]

COUNT = 20
SETTINGS = {"budget": COUNT, "space": "x" * 3000}


@pytest.fixture
def file(tmp_path: Path, url: str, recorded: list[Candidate]) -> Path:
    """The record of 20 candidates."""
    with Record.open(url, "a") as record:
        record.create(SETTINGS)
        for candidate in recorded:
            record.start(replace(candidate, state=State.RUNNING, curve=(), step_time=None))
            record.finish(candidate)
    return tmp_path / "record.sqlite"


@pytest.fixture
def recorded(make_candidate: MakeCandidate) -> list[Candidate]:
    """Candidates of different sizes, some larger than a page of the file."""
    sizes = random.Random(0)
    return [
        make_candidate(
            number,
            detail="d" * sizes.choice((0, 500, 9000)),
            started_event=2 * number + 1,
            ended_event=2 * number + 2,
        )
        for number in range(COUNT)
    ]


def _read(url: str) -> tuple[list[Candidate], str | None]:
    with Record.read(url, "a") as record:
        assert record.settings() == SETTINGS
        return record.candidates(), record.damage


@pytest.mark.parametrize("kind", ["zeros", "noise"])
def test_64_damaged_bytes_cost_a_page_at_most_and_are_said(
    file: Path, url: str, recorded: list[Candidate], kind: str
) -> None:
    content, noise = file.read_bytes(), random.Random(0)
    for at in range(0, len(content), 1536):
        damage = bytes(64) if kind == "zeros" else noise.randbytes(64)
        file.write_bytes(content[:at] + damage + content[at + 64 :])
        found, line = _read(url)
        found = [candidate for candidate in found if candidate.state is State.COMPLETE]
        assert all(candidate == recorded[candidate.number] for candidate in found)
        lost = COUNT - len(found)
        assert lost <= 8, at  # on one page of 4 KB
        if lost:
            assert f"damaged; {lost} of {COUNT} candidates cannot be read (no. " in str(line)


@pytest.mark.parametrize("first", range(1, SCHEMA_VERSION + 1))
def test_a_record_that_an_earlier_release_began_is_read_by_its_own_order(
    file: Path, recorded: list[Candidate], first: int
) -> None:
    columns = [(c.name, c.info.get("since", 1)) for c in CANDIDATES.columns]
    names = ", ".join(name for name, since in columns if since <= first)
    later = sorted((c for c in columns if c[1] > first), key=lambda column: column[1])
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"CREATE TABLE begun AS SELECT {names} FROM candidates")
        for name, _ in later:
            connection.execute(f"ALTER TABLE begun ADD COLUMN {name}")
            connection.execute(
                f"UPDATE begun SET {name} = (SELECT c.{name} FROM candidates AS c "
                "WHERE c.number = begun.number)"
            )
        connection.execute("DROP TABLE candidates")
        connection.execute("ALTER TABLE begun RENAME TO candidates")
        connection.commit()
        connection.execute("VACUUM")
    found = salvage(file).rows["a"]
    assert [from_row(found[number]) for number in sorted(found)] == recorded


def test_half_a_file_is_read_and_the_rest_counted(
    file: Path, url: str, recorded: list[Candidate]
) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    found, line = _read(url)
    assert 0 < len(found) < COUNT
    assert all(candidate in recorded for candidate in found)
    assert "candidates cannot be read" in str(line)


def test_what_is_in_the_wal_is_salvaged_too(
    file: Path, url: str, make_candidate: MakeCandidate, tmp_path: Path
) -> None:
    with Record.reopen(url, "a") as record:
        record.start(make_candidate(COUNT))
        copy = tmp_path / "copy" / file.name
        copy.parent.mkdir()
        for suffix in ("", "-wal"):
            copied = copy.with_name(copy.name + suffix)
            copied.write_bytes(file.with_name(file.name + suffix).read_bytes())
    content = bytearray(copy.read_bytes())
    content[:100] = bytes(100)
    copy.write_bytes(content)
    found, line = _read(f"sqlite:///{copy}")
    assert len(found) == COUNT + 1
    assert str(line).endswith(f"damaged, but all {COUNT + 1} candidates can be read")


def test_a_damaged_record_is_not_written_to(file: Path, url: str) -> None:
    content = bytearray(file.read_bytes())
    content[4096:4160] = bytes(64)
    file.write_bytes(content)
    with pytest.raises(RecordError) as error:
        Record.reopen(url, "a")
    assert str(error.value).endswith(f"; {SALVAGE_HINT}")
    assert file.read_bytes() == content


@pytest.mark.parametrize("change", ["accuracy = 0.875", "ended_event = NULL", "curve = '[]'"])
def test_a_value_that_was_changed_is_noticed(file: Path, url: str, change: str) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(f"UPDATE candidates SET {change} WHERE number in (3, 5)")
    found, line = _read(url)
    assert [candidate.number for candidate in found] == [n for n in range(20) if n not in (3, 5)]
    assert line == f"{file}: damaged; 2 of 20 candidates cannot be read (no. 3, 5)"
    with pytest.raises(RecordError, match="2 of 20"), Record.reopen(url, "a") as record:
        record.candidates()


def test_damaged_settings_are_read_from_their_copy(file: Path, url: str) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE runs SET settings = replace(settings, 20, 30)")
    assert len(_read(url)[0]) == COUNT  # which reads the right settings
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE run_copies SET settings = replace(settings, 20, 30)")
    with pytest.raises(RecordError, match="the settings are damaged") as error:
        _read(url)
    assert "\n" not in str(error.value)


def test_a_changed_value_on_a_server_is_noticed(make_candidate: MakeCandidate) -> None:
    with postgres_server() as server, Record.open(server.url, "a") as record:
        record.create({})
        for number in range(3):
            record.start(make_candidate(number))
        with record._engine.begin() as connection:
            connection.exec_driver_sql("UPDATE candidates SET accuracy = 0 WHERE number = 1")
        with Record.read(server.url, "a") as reader:
            assert [candidate.number for candidate in reader.candidates()] == [0, 2]
            assert "1 of 3 candidates cannot be read (no. 1)" in str(reader.damage)
            assert "***" in str(reader.damage)


def test_a_hostile_file_is_read_in_bounded_time(tmp_path: Path) -> None:
    """Every cell of every page says that it is as long as the file."""
    page = bytearray(4096)
    page[0], page[3:5] = 0x0D, (1000).to_bytes(2)
    page[8:2008] = (2048).to_bytes(2) * 1000
    page[2048:2056] = b"\xa0\x80\x00\x01\x00\x00\x00\x01"
    file = tmp_path / "record.sqlite"
    file.write_bytes(bytes(page) * 500)
    with pytest.raises(RecordError, match="not a record"):
        Record.read(f"sqlite:///{file}", "a")
