"""What was recorded survives SIGKILL of the writer, a full disk and concurrent readers."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from results.candidate import Candidate
from results.database import RecordAway
from results.database_url import sqlite_url
from results.record import Record

# Prints the number of each candidate after it was recorded.
_WRITER = """
import resource, sys
from results.candidate import Candidate, State
from results.record import Record
from search_space.published import EFFICIENTNETV2_S
limit = int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
with Record.open(sys.argv[1], "a") as record:
    record.create({})
    for number in range(100_000):
        record.start(Candidate(number, State.RUNNING, EFFICIENTNETV2_S, seed=number))
        record.finish(Candidate(number, State.COMPLETE, EFFICIENTNETV2_S, number, accuracy=0.5))
        print(number, flush=True)
"""


def _writer(url: str, limit_bytes: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _WRITER, url, str(limit_bytes)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "."},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def writer(url: str) -> Iterator[subprocess.Popen[str]]:
    """Start a process that records candidates until it is killed."""
    with _writer(url) as process:
        yield process
        process.kill()


def _complete(candidates: list[Candidate]) -> list[int]:
    return [candidate.number for candidate in candidates if candidate.accuracy == 0.5]


def test_sigkill_loses_nothing_that_was_recorded(
    url: str, writer: subprocess.Popen[str], make_candidate: Callable[..., Candidate]
) -> None:
    assert writer.stdout
    recorded = [int(writer.stdout.readline()) for _ in range(40)]
    writer.send_signal(signal.SIGKILL)
    recorded += [int(line) for line in writer.stdout.read().split()]
    with Record.open(url, "a") as record:
        found = _complete(record.candidates())
        assert found[: len(recorded)] == recorded
        assert len(found) - len(recorded) <= 1
        record.start(make_candidate(10**6))


def test_reading_while_another_process_writes(url: str, writer: subprocess.Popen[str]) -> None:
    assert writer.stdout
    first = int(writer.stdout.readline())
    with Record.read(url, "a") as record:
        seen = [_complete(record.candidates())]
        for _ in range(20):
            newest = int(writer.stdout.readline())
            seen.append(_complete(record.candidates()))
            assert newest in seen[-1]
    assert seen[0][0] == first
    assert [len(found) for found in seen] == sorted(len(found) for found in seen)


def test_a_full_disk_keeps_what_was_recorded(url: str) -> None:
    with _writer(url, limit_bytes=300_000) as process:
        output, error = process.communicate(timeout=60)
    assert process.returncode == 1
    assert error.splitlines()[-1].startswith(f"{RecordAway.__module__}.RecordAway")
    assert "what was recorded before is kept" in error.splitlines()[-1]
    with Record.read(url, "a") as record:
        assert _complete(record.candidates()) == [int(line) for line in output.split()]


def test_the_file_alone_holds_all_but_the_last_moments(
    url: str, tmp_path: Path, writer: subprocess.Popen[str]
) -> None:
    assert writer.stdout
    recorded, start = [], time.monotonic()
    while time.monotonic() < start + 3:
        recorded.append((time.monotonic(), int(writer.stdout.readline())))
    copied_at, copy = time.monotonic(), tmp_path / "copy" / "record.sqlite"
    copy.parent.mkdir()
    shutil.copy(tmp_path / "record.sqlite", copy)
    writer.kill()
    with Record.read(sqlite_url(copy), "a") as record:
        found = _complete(record.candidates())
    assert {number for at, number in recorded if at < copied_at - 2} <= set(found)


def test_the_last_candidate_reaches_the_file_before_the_next(
    url: str, tmp_path: Path, make_candidate: Callable[..., Candidate]
) -> None:
    copy = tmp_path / "copy.sqlite"
    with Record.open(url, "a") as record:
        record.create({})
        record.start(make_candidate())
        time.sleep(1)
        record.settle()
        shutil.copy(tmp_path / "record.sqlite", copy)
        with Record.read(sqlite_url(copy), "a") as copied:
            assert copied.candidates() == [make_candidate()]
        reader = sqlite3.connect(tmp_path / "record.sqlite")  # keeps it in WAL mode
        reader.execute("SELECT 1 FROM runs").fetchall()
    assert (tmp_path / "record.sqlite-wal").stat().st_size == 0
    reader.close()
