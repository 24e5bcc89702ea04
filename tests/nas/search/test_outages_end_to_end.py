"""``nas search`` while its record is locked or its database is down, and killed meanwhile."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from nas.run_directory import open_run
from results.spool import read_spool
from tests.nas.command_line import completed, nas, start_nas
from tests.postgres import postgres_server


@pytest.fixture
def options(tiny_space_file: Path, tiny_data_file: Path) -> tuple[object, ...]:
    """A search of 12 candidates on two workers."""
    return (
        "--space", tiny_space_file, "--data", tiny_data_file, "--epochs", 2, "--workers", 2,
        "--budget", 12, "--baseline", 0,
    )  # fmt: skip


def _lines_until(process: subprocess.Popen[str], part: str) -> list[str]:
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line)
        if part in line:
            return lines
    raise AssertionError("".join(lines))


def _is_spooled_while_locked(
    process: subprocess.Popen[str], other: sqlite3.Connection, spool: Path
) -> bool:
    """Lock the record; return whether a candidate ends meanwhile, or else unlock it again."""
    other.execute("BEGIN IMMEDIATE")
    _lines_until(process, "locked by another process (database is locked); waiting for it")
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if list(read_spool(spool)):
            return True
        time.sleep(0.1)
    other.execute("ROLLBACK")
    _lines_until(process, "the record is back after")
    _lines_until(process, ": complete")
    return False


def test_what_finishes_while_the_record_is_locked_survives_a_kill(
    options: tuple[object, ...], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    process = start_nas("search", *options, "--out", run)
    _lines_until(process, "candidate 1: complete")
    with closing(sqlite3.connect(run / "record.sqlite", isolation_level=None)) as other:
        spool = open_run(run).spool
        while not _is_spooled_while_locked(process, other, spool):
            pass  # no candidate was training at that moment
        process.send_signal(signal.SIGKILL)
        process.communicate()
        spooled = {c.number: c.accuracy for c in read_spool(spool)}
    assert spooled
    before = completed(run)
    assert not before.keys() & spooled.keys()

    resumed = nas("search", "--resume", run, "--workers", 2)
    assert resumed.returncode == 0, resumed.stderr
    after = completed(run)
    assert len(after) == 12
    assert before.items() <= after.items()
    assert {number: after[number][1] for number in spooled} == spooled
    assert not spool.exists()
    calm = tmp_path / "calm"
    assert nas("search", *options, "--out", calm).returncode == 0
    assert after == completed(calm)


def test_a_database_that_is_down_is_waited_for(options: tuple[object, ...], tmp_path: Path) -> None:
    run = tmp_path / "run"
    with postgres_server() as server:
        process = start_nas("search", *options, "--out", run, "--storage", server.url)
        _lines_until(process, "candidate 1: complete")
        server.stop()
        _lines_until(process, "; waiting for it for up to 30 min (--patience)")
        time.sleep(5)
        server.start()
        _lines_until(process, "the record is back after")
        out, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
        assert server.password not in out + error
        assert len(completed(run)) == 12


def test_the_patience_ends_with_how_to_go_on(options: tuple[object, ...], tmp_path: Path) -> None:
    run = tmp_path / "run"
    process = start_nas("search", *options, "--out", run, "--patience", "3s")
    _lines_until(process, "candidate 1: complete")
    with closing(sqlite3.connect(run / "record.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        out, error = process.communicate(timeout=120)
    assert process.returncode == 1
    kept = len(list(read_spool(open_run(run).spool)))  # none if both workers waited for a start
    assert (f"{kept} finished candidates are not in the record: " in out) == (kept > 0)
    (line,) = error.splitlines()
    assert line.endswith(
        "gave up after 3 s (--patience); go on with: nas search --resume " + str(run)
    )
