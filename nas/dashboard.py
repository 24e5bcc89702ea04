"""What ``nas dashboard`` and ``nas report`` need from the run directories and the machine."""

from __future__ import annotations

import os
import socket
import sys
import webbrowser
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from nas.errors import UserError
from nas.run_directory import open_run
from results.dashboard.benches import NoBench, read_benches
from results.dashboard.live_run import Place
from results.dashboard.server import listen
from results.dashboard.source import NoRun, Source


def source_of(run: Path) -> Source:
    """A RUN to show; one that holds nothing yet may do so later.

    Raises:
        UserError: there is no such directory.
    """
    if not run.is_dir():
        open_run(run)  # says what there is instead
    return Source(run, partial(_locate, run))


def bench_rows(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """The networks of ``--bench``; UserError for a file that holds none."""
    try:
        return [row for path in paths for row in read_benches(path)]
    except NoBench as error:
        raise UserError(f"--bench: {error}") from error


def socket_at(host: str, port: int) -> socket.socket:
    """Where the page is served; UserError if it is taken or nowhere."""
    try:
        return listen(host, port)
    except socket.gaierror as error:
        raise UserError(f"--host: got {host!r}, must be an address of this machine") from error
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"--port: got {port}, must be a free port at {host} ({reason}); 0 finds one"
        ) from error


def open_browser(address: str, is_asked_for: bool) -> None:
    """Unless asked for, only from a terminal on a desktop: elsewhere it would open one in text."""
    has_desktop = sys.platform == "darwin" or any(
        name in os.environ for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if is_asked_for or (has_desktop and sys.stdout.isatty()):
        webbrowser.open(address)


def _locate(path: Path) -> Place:
    try:
        run = open_run(path)
    except UserError as error:
        raise NoRun(str(error)) from error
    if not isinstance(run.run_id, str) or not isinstance(run.storage, str | None):
        raise NoRun(f"{path}: its run.json was written by something else")
    return Place(run.url, run.run_id)
