"""A record is read completely without write access, and reading leaves its directory as it was."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from results import read_only
from results.candidate import Candidate
from results.dashboard.reader import Reader
from results.database import RecordError
from results.database_url import sqlite_url
from results.record import Record
from tests.other_user import as_nobody, needs_root, on_read_only_mount, open_folder

MakeCandidate = Callable[..., Candidate]

COUNT = 30
NAME = "record.sqlite"

# Records candidates and then waits. The second argument: "rollback" keeps the journal of a shared
# disk; "half" leaves a transaction without an end, whose pages are in the WAL.
_WRITER = """
import sys, time
import results.database
from results.candidate import Candidate, State
from results.record import Record
from search_space.published import EFFICIENTNETV2_S
if sys.argv[2] == "rollback":
    results.database.is_local = lambda file: False
with Record.open(sys.argv[1], "a") as record:
    record.create({})
    for number in range(int(sys.argv[3])):
        record.start(Candidate(number, State.RUNNING, EFFICIENTNETV2_S, seed=number))
        print(number, flush=True)
        time.sleep(0.01 if sys.argv[2] == "rollback" else 0)
    if sys.argv[2] == "half":
        with record._engine.begin() as connection:
            connection.exec_driver_sql("PRAGMA cache_size=1")
            change = "UPDATE candidates SET seed = -1, detail = hex(zeroblob(9999))"
            connection.exec_driver_sql(change)
            print("half", flush=True)
            time.sleep(1000)
    time.sleep(1000)
"""

# Reads the record below each of the folders; prints the numbers read, or the error.
_READ = """
import json, sys
from results.dashboard.reader import Reader
from results.database import RecordError
from results.database_url import sqlite_url
from results.record import Record
from pathlib import Path
def numbers(folder):
    url = sqlite_url(Path(folder) / "record.sqlite")
    try:
        with Record.read(url, "a") as record:
            found = [candidate.number for candidate in record.candidates()]
        reader = Reader(url, "a")
        assert [candidate.number for candidate in reader.candidates().candidates] == found
        assert all(candidate.seed >= 0 for candidate in reader.candidates().candidates)
        return found
    except RecordError as error:
        return str(error)
"""
_WARM_UP = f"{_READ}\nnumbers(sys.path[0] or '.')\nimport os\nnumbers(os.environ['WARM'])"


def _writer(folder: Path, kind: str = "wal", count: int = COUNT) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _WRITER, sqlite_url(folder / NAME), kind, str(count)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "."},
        stdout=subprocess.PIPE,
        text=True,
    )


def _wait(writer: subprocess.Popen[str], lines: int = COUNT) -> None:
    assert writer.stdout is not None
    for _ in range(lines):
        assert writer.stdout.readline()


def _killed(folder: Path, kind: str = "wal") -> None:
    folder.mkdir()
    with _writer(folder, kind) as writer:
        _wait(writer, COUNT + (kind == "half"))
        writer.send_signal(signal.SIGKILL)


def _close_in_wal_mode(folder: Path) -> None:
    """Leave the record as earlier releases did: one file, whose header says WAL."""
    with closing(sqlite3.connect(folder / NAME)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("SELECT count(*) FROM runs").fetchone()


def _names(folder: Path) -> list[str]:
    return sorted(file.name.removeprefix(NAME) for file in folder.iterdir())


def _content(folder: Path) -> dict[str, bytes]:
    """Return all files but the memory that SQLite's processes share, which readers mark."""
    files = (file for file in folder.iterdir() if not file.name.endswith("-shm"))
    return {file.name: file.read_bytes() for file in files}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a run of each kind that a search may leave, each in its folder."""
    made = tmp_path_factory.mktemp("made")
    _killed(made / "killed")
    shutil.copytree(made / "killed", made / "killed, without shared memory")
    (made / "killed, without shared memory" / f"{NAME}-shm").unlink()
    _killed(made / "rollback", "rollback")
    shutil.copytree(made / "killed", made / "closed")
    Record.reopen(sqlite_url(made / "closed" / NAME), "a").close()
    shutil.copytree(made / "closed", made / "closed by an earlier release")
    _close_in_wal_mode(made / "closed by an earlier release")
    _killed(made / "killed half-way", "half")
    shutil.copytree(made / "closed", made / "rollback half-way")
    _kill_half_way(made / "rollback half-way")
    return made


def _kill_half_way(folder: Path) -> None:
    """Leave a rollback journal that must be applied, as half of a transaction is in the file."""
    script = f"""
import os, sqlite3
connection = sqlite3.connect({str(folder / NAME)!r}, isolation_level=None)
connection.execute("PRAGMA cache_size=1")
connection.execute("BEGIN")
connection.execute("UPDATE candidates SET seed = -1, detail = hex(zeroblob(9999))")
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", script], check=False)


KINDS = {
    "killed": ["", "-shm", "-wal"],
    "killed, without shared memory": ["", "-wal"],
    "killed half-way": ["", "-shm", "-wal"],
    "rollback": [""],
    "rollback half-way": ["", "-journal"],
    "closed": [""],
    "closed by an earlier release": [""],
}
ALL_READ = {kind: list(range(COUNT)) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_reading_is_complete_and_changes_nothing(made: Path, kind: str) -> None:
    folder = made / kind
    assert _names(folder) == KINDS[kind]
    before = _content(folder)
    with Record.read(sqlite_url(folder / NAME), "a") as record:
        found = record.candidates()
    assert [candidate.number for candidate in found] == list(range(COUNT))
    assert all(candidate.seed >= 0 for candidate in found)
    assert _content(folder) == before
    assert _names(folder) == KINDS[kind]


@pytest.fixture
def shared(made: Path) -> Iterator[Path]:
    """Copy the runs to a folder that other users can enter."""
    with open_folder() as folder:
        runs = shutil.copytree(made, folder / "runs")
        runs.chmod(0o755)
        yield runs


def _read_all(folder: Path) -> str:
    """Return code that reads each record of the folder."""
    return f"print(json.dumps({{k: numbers({str(folder)!r} + '/' + k) for k in {list(KINDS)}}}))"


@needs_root
@pytest.mark.parametrize("mode", [0o755, 0o777])
def test_another_user_reads_all_and_leaves_no_file(shared: Path, mode: int) -> None:
    for kind in KINDS:
        (shared / kind).chmod(mode)
    before = {kind: _content(shared / kind) for kind in KINDS}
    output = as_nobody(_read_all(shared), _WARM_UP, WARM=str(shared / "killed half-way"))
    assert json.loads(output) == ALL_READ
    assert {kind: _content(shared / kind) for kind in KINDS} == before
    assert {kind: _names(shared / kind) for kind in KINDS} == KINDS


@needs_root
def test_all_are_read_on_a_read_only_file_system(shared: Path) -> None:
    output = on_read_only_mount(shared, f"{_READ}\n{_read_all(shared)}")
    assert json.loads(output) == ALL_READ


@needs_root
def test_another_user_follows_a_search(shared: Path) -> None:
    folder = shared / "live"
    folder.mkdir()
    read = f"print(len(numbers({str(folder)!r})))"
    with _writer(folder) as writer:
        _wait(writer)
        output = as_nobody(read, _WARM_UP, WARM=str(shared / "killed"))
        assert writer.poll() is None
        writer.kill()
    assert output == f"{COUNT}\n"


@needs_root
def test_a_record_of_another_user_says_whose_it_is(shared: Path) -> None:
    file = shared / "closed" / NAME
    read = f"print(numbers({str(file.parent)!r}))"
    file.chmod(0o600)
    output = as_nobody(read, _WARM_UP, WARM=str(shared / "killed"))
    assert output == f"{file}: not readable, it belongs to root\n"
    file.parent.chmod(0o700)
    assert as_nobody(read, _WARM_UP, WARM=str(shared / "killed")) == output
    write = f"Record.reopen({sqlite_url(shared / 'killed' / NAME)!r}, 'a').change_settings({{}})"
    code = f"try: {write}\nexcept RecordError as error: print(error)"
    output = as_nobody(code, _WARM_UP, WARM=str(shared / "killed"))
    assert output.startswith(f"{shared / 'killed' / NAME}: not writable, it belongs to root (")


@pytest.mark.parametrize("kind", ["wal", "rollback"])
def test_a_search_on_a_shared_disk_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """There, the WAL of an earlier release is copied while it grows."""
    monkeypatch.setattr(read_only, "is_local", lambda file: False)
    with _writer(tmp_path, kind, 1_000_000) as writer:
        _wait(writer, 1)
        with Record.read(sqlite_url(tmp_path / NAME), "a") as record:
            for _ in range(20):
                assert writer.stdout is not None
                newest = int(writer.stdout.readline())
                numbers = [candidate.number for candidate in record.candidates()]
                assert numbers == list(range(len(numbers)))
                assert numbers[-1] >= newest
        writer.kill()


def test_a_read_record_cannot_be_written(made: Path, make_candidate: MakeCandidate) -> None:
    with (
        Record.read(sqlite_url(made / "closed" / NAME), "a") as record,
        pytest.raises(RecordError, match="not writable"),
    ):
        record.start(make_candidate(COUNT))


def test_no_room_for_a_copy_is_one_line(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made / "closed by an earlier release"
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(RecordError, match=r"must be copied to be read, .*; TMPDIR sets the folder"):
        Record.read(sqlite_url(folder / NAME), "a")


def test_a_record_that_never_stands_still_is_one_line(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made / "closed by an earlier release"
    monkeypatch.setattr(read_only, "_COPY_PAUSE_S", 0)
    monkeypatch.setattr(read_only, "_generation", lambda file: (object(),))
    with pytest.raises(RecordError, match="must be copied to be read, but is written too often"):
        Record.read(sqlite_url(folder / NAME), "a")


def test_a_look_by_the_writers_own_process_keeps_its_lock(tmp_path: Path, url: str) -> None:
    """To close a file gives up all locks that the process has on it, if SQLite does not know."""
    with Record.open(url, "a") as record:
        record.create({})
    with closing(sqlite3.connect(tmp_path / NAME, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        Reader(url, "a").run()
        connect = f"sqlite3.connect({str(tmp_path / NAME)!r}, timeout=0)"
        code = f"import sqlite3; {connect}.execute('BEGIN IMMEDIATE')"
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        assert "locked" in done.stderr
