"""``nas dashboard``: the live page of one run or several."""

from __future__ import annotations

import os
import socket
import sys
import webbrowser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nas.cli import options
from nas.cli.echo import echo
from nas.cli.option_types import Whole
from nas.cli.options import option
from nas.errors import UserError


@options.command(
    {
        "Follow a search in the browser": "nas dashboard runs/RUN",
        "Compare two runs, and networks that nas bench measured": "nas dashboard runs/A runs/B "
        "--bench bench.json",
    },
    short_help="Show runs as a live page in the browser.",
)
@options.runs_argument()
@options.bench_option()
@option(
    "--port",
    default=8080,
    show_default=True,
    type=Whole(0, 65535),
    help="Listen on this port; 0 picks a free one.",
)
@option(
    "--host", metavar="HOST", default="127.0.0.1", show_default=True, help="Listen at this address."
)
@option(
    "--open/--no-open",
    "is_to_open",
    default=None,
    help="Open the page in a browser. Default: from a terminal on a desktop.",
)
@option(
    "--control",
    "has_control",
    is_flag=True,
    help="Let anyone who opens the printed address stop a running search, and choose networks that "
    "it evaluates next.",
)
def dashboard(
    runs: tuple[Path, ...],
    port: int,
    host: str,
    benches: tuple[Path, ...],
    is_to_open: bool | None,
    has_control: bool,
) -> None:
    """Show one run, or several together, as a page that follows the search.

    Ctrl-C stops the server. To see it from another machine, forward the port:
    ssh -L 8080:localhost:8080 HOST
    """
    from nas.run_directory import dashboard_source
    from results.dashboard.board import Board
    from results.dashboard.server import serve

    sources = [dashboard_source(run) for run in runs]
    board = Board(sources, bench_rows(benches), has_control=has_control)
    with socket_at(host, port) as bound:
        name = f"[{host}]" if ":" in host else host
        address = f"http://{name}:{bound.getsockname()[1]}/?token={board.token}"
        echo(f"{address} (Ctrl-C stops the server)")
        if is_to_open is not False:
            open_browser(address, is_asked_for=is_to_open is True)
        serve(board, host, bound)


def bench_rows(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Read the networks of ``--bench``.

    Raises:
        UserError: a file holds none.
    """
    from results.dashboard.payload import InvalidBenchFile, read_benches

    try:
        return [row for path in paths for row in read_benches(path)]
    except InvalidBenchFile as error:
        raise UserError(f"--bench: {error}") from error


def socket_at(host: str, port: int) -> socket.socket:
    """Open the socket that the page is served at.

    Raises:
        UserError: the port is taken, or the host is no address of this machine.
    """
    from results.dashboard.server import listen

    try:
        return listen(host, port)
    except socket.gaierror as error:
        raise UserError(f"--host: got {host!r}, must be an address of this machine") from error
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"--port: got {port}, must be a free port at {host} ({reason}); 0 picks one"
        ) from error


def open_browser(address: str, is_asked_for: bool) -> None:
    """Open the page in a browser.

    Unless asked for, only from a terminal on a desktop: elsewhere a text browser would open.
    """
    has_desktop = sys.platform == "darwin" or any(
        name in os.environ for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if is_asked_for or (has_desktop and sys.stdout.isatty()):
        webbrowser.open(address)
