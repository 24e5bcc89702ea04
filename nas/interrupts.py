"""Signals that end a command: Ctrl-C, and what schedulers and terminals send (SIGTERM, SIGHUP).

The first one raises KeyboardInterrupt, so that what finished is written and how to go on is said.
Further ones cannot break into that; the third ends the process at once. After SIGTERM and SIGHUP,
whose senders kill what does not end, the process ends in any case within :data:`LIMIT_S`.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from nas.errors import visible

LIMIT_S = 4.5
"""Seconds after SIGTERM or SIGHUP in which files are written, before the process is ended."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_MOST = 3  # signals, of which the last ends the process without writing anything
_SHOW_CURSOR = "\x1b[?25h"  # a progress line hides it
_received: list[int] = []
_is_installed = False
_stderr = 2  # another descriptor of it, once a command may redirect its output
_last_words = ""
_skips_last = False


def install() -> None:
    """Handle the signals from now on; one that is ignored, as after ``nohup``, stays ignored."""
    global _is_installed, _stderr
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _handle)
    if not _is_installed:
        _is_installed = True
        _stderr = os.dup(2)
        # The main thread may be in a long call to C, in which Python runs no handlers.
        wakes, writes = os.pipe()
        os.set_blocking(wakes, False)
        os.set_blocking(writes, False)
        signal.set_wakeup_fd(writes, warn_on_full_buffer=False)
        os.register_at_fork(after_in_child=_forget)  # whose signals are not ours
        threading.Thread(target=_watch, args=(wakes,), name="signals", daemon=True).start()


def reinstall() -> None:
    """Handle the signals again, after a library put its own handlers in place.

    Nothing happens in a process in which :func:`install` was not called, such as a notebook.
    """
    if _is_installed:
        install()


@contextmanager
def kept() -> Iterator[None]:
    """Put back the handlers of a script or notebook at the end, which a library replaces."""
    if threading.current_thread() is not threading.main_thread():
        yield  # where no handler can be set
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)


def received(number: int) -> None:
    """Note a signal that a library's own handler received, and raise KeyboardInterrupt as ours."""
    _handle(number, None)


def set_last_words(line: str) -> None:
    """Set the line that :func:`say_last_words` prints, such as how to go on after a signal.

    If a signal ends the process before the command comes to that, the line is printed all the same.
    """
    global _last_words
    _last_words = visible(line)


def say_last_words() -> None:
    """Print the line of :func:`set_last_words` on standard error, once."""
    global _last_words
    line, _last_words = _last_words, ""
    if line:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def exit_code() -> int:
    """Return the exit code of a command that a signal ended, such as 130 after Ctrl-C."""
    return 128 + (_received[0] if _received else signal.SIGINT)


def leave() -> NoReturn:
    """End the process that a signal has interrupted, without what Python and libraries do last.

    A further signal would end those with a traceback, or with another exit code.
    """
    if _received:
        skip_last()
    end(exit_code())


def skip_last() -> None:
    """Let :func:`end` skip what Python and libraries do last, such as when a thread hangs."""
    global _skips_last
    _skips_last = True


def end(code: int) -> NoReturn:
    """End the process with an exit code."""
    if _skips_last:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # the reader may be gone
                stream.flush()
        os._exit(code)
    sys.exit(code)


def _handle(number: int, frame: FrameType | None) -> None:
    _received.append(number)
    if len(_received) == 1:
        raise KeyboardInterrupt
    if len(_received) >= _MOST:
        os._exit(exit_code())
    _say("\nending: what finished is being written; once more ends at once")


def _forget() -> None:
    with suppress(ValueError):
        signal.set_wakeup_fd(-1)


def _watch(wakes: int) -> None:
    """End the process at the third signal, or when the time is over, whatever it is doing."""
    numbers: list[int] = []
    until = float("inf")
    while time.monotonic() < until and len(numbers) < _MOST:
        left_s = None if until == float("inf") else max(0.0, until - time.monotonic())
        if select.select([wakes], [], [], left_s)[0]:
            numbers += [number for number in os.read(wakes, 64) if number in _SIGNALS]
            if until == float("inf") and any(number != signal.SIGINT for number in numbers):
                until = time.monotonic() + LIMIT_S
    if len(numbers) < _MOST:
        _say(_last_words)
    os._exit(128 + numbers[0])


def _say(line: str) -> None:
    cursor = _SHOW_CURSOR if os.isatty(_stderr) else ""
    with suppress(OSError):  # the terminal may be gone
        os.write(_stderr, f"{cursor}{line}\n".encode() if line else cursor.encode())
