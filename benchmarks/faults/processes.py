"""The command line in forked processes, and the processes that a search started."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.processes import working_in

SHORTEST_WAIT_S = 0.02


class Command:
    """``nas`` with some arguments, forked from this process: torch and Ray are imported already.

    It runs in ``folder``, which also holds its temporary files, and prints into ``output``.
    """

    def __init__(self, arguments: Sequence[str], folder: Path, output: Path) -> None:
        self.output = output
        self._status: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            _run(arguments, folder, output)

    def text(self) -> str:
        """Return what it has printed so far."""
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def numbers(self, pattern: re.Pattern[str]) -> set[int]:
        """Return the numbers that a pattern finds in what it has printed so far."""
        return {int(found) for found in pattern.findall(self.text())}

    def exit_code(self) -> int | None:
        """Return its exit code, or minus the signal that killed it; None while it runs."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def wait(self, timeout_s: float) -> int | None:
        """Return its exit code; None if it still runs after ``timeout_s``."""
        until = time.monotonic() + timeout_s
        while self.exit_code() is None and time.monotonic() < until:
            time.sleep(SHORTEST_WAIT_S)
        return self.exit_code()

    def send(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.exit_code() is None:
            os.kill(self.pid, number)


def _run(arguments: Sequence[str], folder: Path, output: Path) -> None:
    """Be ``nas`` until the end of this process."""
    from nas.cli.main import main

    code: object = 1
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(file, 1)
        os.dup2(file, 2)
        os.chdir(folder)
        os.environ["TMPDIR"] = str(folder)
        sys.argv = ["nas", *arguments]
        main()
    except SystemExit as error:
        code = error.code
    except BaseException:  # what a user would see
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # A plain exit would also end what the parent of the fork still needs.
        os._exit(code if isinstance(code, int) else 0)


def titled(folder: Path, text: str) -> list[int]:
    """Return the processes that work in a folder and have a text in their title."""
    return [pid for pid, title in working_in(folder).items() if text in title]
