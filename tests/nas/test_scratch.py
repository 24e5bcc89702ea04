"""Temporary folders, and what is left of them after their process was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nas.scratch import scratch_folder
from tests.nas.command_line import completed, environment, start_nas
from tests.processes import working_in

# Makes a scratch folder, starts a process that keeps a file in it open, and waits to be killed.
_SCRIPT = """
import subprocess, sys, time
from pathlib import Path
from nas.scratch import scratch_folder

with scratch_folder("nas-test-") as folder:
    with (folder / "log").open("w") as log:
        other = subprocess.Popen(["sleep", "600"], stdout=log, start_new_session=True)
    print(folder, other.pid, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, for this process and its children."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def test_it_is_deleted_at_the_end(temporary: Path) -> None:
    with scratch_folder("nas-test-") as folder:
        assert folder.parent == temporary
        (folder / "file").touch()
    assert not folder.exists()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_of_a_killed_process(temporary: Path, how: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _SCRIPT], stdout=subprocess.PIPE, text=True, env=environment()
    )
    assert process.stdout is not None
    folder, pid = process.stdout.readline().split()
    process.send_signal(how)
    process.communicate()
    _await(lambda: not Path(folder).exists())
    assert not _is_running(int(pid))


def test_one_that_is_left_is_deleted_by_the_next(temporary: Path) -> None:
    left, young = (temporary / f"nas-test-{name}" for name in ("left", "young"))
    for folder in (left, young):
        folder.mkdir()
        (folder / ".lock").touch()
    hour_ago = time.time() - 3600
    os.utime(left, (hour_ago, hour_ago))
    with scratch_folder("nas-test-") as used:
        os.utime(used, (hour_ago, hour_ago))
        with scratch_folder("nas-test-"):
            assert used.exists()
            assert young.exists()  # perhaps just being made
            assert not left.exists()


def test_a_path_is_short_where_it_must_be(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = temporary / ("x" * 100)
    long.mkdir()
    monkeypatch.setenv("TMPDIR", str(long))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with scratch_folder("nas-test-", longest_path=45) as folder:
        assert len(str(folder)) <= 45
    with scratch_folder("nas-test-") as folder:
        assert folder.parent == long


def _await(condition: Callable[[], bool], limit_s: float = 20.0) -> None:
    until = time.monotonic() + limit_s

    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except OSError:
        return False


def test_nothing_is_left_of_a_killed_search(
    temporary: Path, tiny_space_file: Path, tiny_data_file: Path
) -> None:
    run = temporary / "run"
    options = ("--space", tiny_space_file, "--data", tiny_data_file, "--budget", 100, "--epochs", 1)
    process = start_nas("search", *options, "--out", run, cwd=temporary)
    assert process.stdout is not None
    for line in process.stdout:
        if "complete" in line:
            break
    assert working_in(temporary)
    process.kill()
    process.communicate()
    _await(lambda: not working_in(temporary), 30)
    _await(lambda: not list(temporary.glob("nas-*")))
    assert completed(run)


@pytest.mark.parametrize("name", ["gcs_server", "raylet"])
def test_a_ray_whose_process_was_stopped_is_left_all_the_same(temporary: Path, name: str) -> None:
    script = Path(__file__).with_name("stopped_ray.py")
    done = subprocess.run(
        [sys.executable, script, name],
        env=environment(),
        cwd=temporary,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (0, "left\n"), done.stderr
    _await(lambda: not working_in(temporary), 30)
    assert not list(temporary.glob("nas-*"))
