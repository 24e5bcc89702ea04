"""Signals that end a command: Ctrl-C, and what schedulers and terminals send (SIGTERM, SIGHUP).

The first one raises KeyboardInterrupt, so that what finished is written and how to go on is said.
Further ones cannot break into that; the third ends the process at once.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_MOST = 3  # signals, of which the last ends the process without writing anything
_received: list[int] = []
_is_installed = False


def install() -> None:
    """Handle the signals from now on; one that is ignored, as after ``nohup``, stays ignored."""
    global _is_installed
    _is_installed = True
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _handle)


def reinstall() -> None:
    """Handle the signals again, after a library put its own handlers in place.

    Nothing happens in a process in which :func:`install` was not called, such as a notebook.
    """
    if _is_installed:
        install()


def received(number: int) -> None:
    """Note a signal that a library's own handler received, and raise KeyboardInterrupt as ours."""
    _handle(number, None)


def exit_code() -> int:
    """Return the exit code of a command that a signal ended, such as 130 after Ctrl-C."""
    return 128 + (_received[0] if _received else signal.SIGINT)


def _handle(number: int, frame: FrameType | None) -> None:
    _received.append(number)
    if len(_received) == 1:
        raise KeyboardInterrupt
    if len(_received) >= _MOST:
        os._exit(exit_code())
    os.write(2, b"\nending: what finished is being written; once more ends at once\n")
