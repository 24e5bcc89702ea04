"""Signals end a process in time, whatever it is doing."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import pytest

from nas import interrupts
from tests.nas.command_line import environment, heed_signals

# A call to C that lasts for minutes: until it returns, Python runs no handler of a signal.
_BUSY = """
import hashlib
from nas import interrupts

interrupts.install()
interrupts.set_last_words("go on like this")
print("begun", flush=True)
hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)
"""

# An end that hangs.
_SLOW_END = """
import time
from nas import interrupts

interrupts.install()
interrupts.set_last_words("go on like this")
try:
    print("begun", flush=True)
    time.sleep(600)
except KeyboardInterrupt:
    interrupts.say_last_words()
    time.sleep(600)
"""


def _ended_by(script: str, signals: tuple[signal.Signals, ...]) -> tuple[int, str, float]:
    """Return exit code, standard error and seconds of a script after these signals."""
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        preexec_fn=heed_signals,
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.3)  # until it is in its long call
    start = time.monotonic()
    for number in signals:
        process.send_signal(number)
        time.sleep(0.2)
    _, error = process.communicate(timeout=60)
    return process.returncode, error, time.monotonic() - start


@pytest.mark.parametrize("script", [_BUSY, _SLOW_END])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_scheduler_does_not_wait(script: str, number: signal.Signals, code: int) -> None:
    returned, error, seconds = _ended_by(script, (number,))
    assert returned == code
    assert error.split("\n") == ["go on like this", ""]
    assert seconds < 5


@pytest.mark.parametrize("script", [_BUSY, _SLOW_END])
def test_the_third_ctrl_c_ends_at_once(script: str) -> None:
    returned, error, seconds = _ended_by(script, (signal.SIGINT,) * 3)
    assert returned == 130
    assert "Traceback" not in error
    assert seconds < 2


def test_a_forked_child_that_is_ended_does_not_end_its_parent() -> None:
    script = """
import os, signal, time
from nas import interrupts

interrupts.install()
print("begun", flush=True)
child = os.fork()
if child == 0:
    time.sleep(600)
time.sleep(0.3)
os.kill(child, signal.SIGTERM)
os.waitpid(child, 0)
time.sleep(interrupts.LIMIT_S + 0.5)
print("goes on")
"""
    returned, error, _ = _ended_by(script, ())
    assert returned == 0, error


def test_a_scripts_own_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with interrupts.kept():
        signal.signal(signal.SIGTERM, lambda number, frame: None)  # as Ray does
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_another_thread_keeps_the_handlers_as_they_are() -> None:
    passed = []

    def search() -> None:
        with interrupts.kept():
            passed.append(True)

    thread = threading.Thread(target=search)
    thread.start()
    thread.join()
    assert passed
