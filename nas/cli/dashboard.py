"""``nas dashboard``: the live page of one run or several."""

from __future__ import annotations

import os
import socket
import sys
import webbrowser
from pathlib import Path

import click

from nas.errors import UserError
from results.dashboard.server import listen


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535))
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--bench",
    "benches",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Networks to stand beside, from nas bench --json.",
)
@click.option(
    "--open/--no-open", "is_to_open", default=None, help="Open it in a browser, if there is one."
)
def dashboard(
    runs: tuple[Path, ...],
    port: int,
    host: str,
    benches: tuple[Path, ...],
    is_to_open: bool | None,
) -> None:
    """Show RUN, or several together, as a page that follows a search.

    Ctrl-C ends it. From another machine: ssh -L 8080:localhost:8080.
    """
    pass
    from nas.search.run_directory import bench_rows, source_of
    from results.dashboard.server import Board, serve

    board = Board([source_of(run) for run in runs], bench_rows(benches))
    with socket_at(host, port) as bound:
        name = f"[{host}]" if ":" in host else host
        address = f"http://{name}:{bound.getsockname()[1]}"
        click.echo(f"{address} (Ctrl-C ends it)")
        if is_to_open is not False:
            open_browser(address, is_asked_for=is_to_open is True)
        serve(board, host, bound)


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
