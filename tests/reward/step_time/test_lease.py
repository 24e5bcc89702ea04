"""The lease between real processes: who times is alone, nobody starves, the dead hold nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from reward.step_time import lease as lease_module
from reward.step_time.lease import Lease
from tests.nas.command_line import environment

HOLDER = Path(__file__).with_name("lease_holder.py")
SLACK_S = 0.0005  # between the end of a sleep and the moment that is written

Span = tuple[float, float]


def _start(folder: Path, role: str, seconds: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(HOLDER), str(folder), role, str(seconds)],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )


def _spans(lines: str, what: str) -> list[Span]:
    rows = (line.split() for line in lines.splitlines())
    return [(float(start), float(end)) for name, start, end in rows if name == what]


def _overlaps(spans: list[Span]) -> list[tuple[Span, Span]]:
    ordered = sorted(spans)
    return [(a, b) for a, b in pairwise(ordered) if b[0] < a[1] - SLACK_S]


def test_rows_are_alone_and_nobody_starves(tmp_path: Path) -> None:
    """Three processes train and time, a fourth only trains: each does both all the time."""
    seconds = 4.0
    processes = [
        _start(tmp_path, role, seconds) for role in ("timing", "timing", "timing", "train")
    ]
    outputs = [process.communicate(timeout=90)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    rows = [row for output in outputs for row in _spans(output, "row")]
    assert not _overlaps(rows)
    for output in outputs:
        for step in _spans(output, "step"):
            beside = [
                row for row in rows if row[0] < step[1] - SLACK_S and step[0] < row[1] - SLACK_S
            ]
            assert not beside, f"a step {step} beside the row {beside}"
    assert all(len(_spans(output, "step")) > 20 for output in outputs)
    assert all(len(_spans(output, "row")) > 3 for output in outputs[:3])
    for output in outputs[:3]:
        longest = max(b[0] - a[1] for a, b in pairwise(_spans(output, "row")))
        assert longest < seconds / 2, "waited to be alone for too long"


@pytest.mark.parametrize("role", ["shared", "alone"])
def test_a_killed_holder_holds_nothing(tmp_path: Path, role: str) -> None:
    with _start(tmp_path, role, 100.0) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline().startswith("holds")
        os.kill(holder.pid, signal.SIGKILL)
    lease = Lease("gpu", lambda: None, tmp_path)
    start = time.monotonic()
    with lease.working():
        lease.alone()
    assert time.monotonic() - start < 1


def test_a_holder_that_hangs_is_waited_for_with_patience(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_module, "PATIENCE_S", 0.3)
    with _start(tmp_path, "shared", 100.0) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline().startswith("holds")
        os.kill(holder.pid, signal.SIGSTOP)
        lease = Lease("gpu", lambda: None, tmp_path)
        with lease.working():
            lease.alone()
        assert 0.3 <= lease.waited_s < 5
        holder.kill()


def test_one_process_waits_for_nobody(tmp_path: Path) -> None:
    """And an error of a failed GPU does not keep it from letting go."""

    def broken() -> None:
        raise RuntimeError("CUDA error: device-side assert triggered")

    lease, other = Lease("gpu", broken, tmp_path), Lease("another", broken, tmp_path)
    with lease.working(), other.working():
        for one in (lease, other):
            one.alone()
            one.alone()
            one.together()
            one.between_steps()
    lease.between_steps()  # nothing is held, and nothing is taken
    again = Lease("gpu", broken, tmp_path)
    with again.working():
        again.alone()
    assert lease.waited_s + other.waited_s + again.waited_s < 0.5
    for one in (lease, other, again):
        one.close()
