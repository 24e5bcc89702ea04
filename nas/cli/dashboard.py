"""``nas dashboard``: the live page of one run or several."""

from __future__ import annotations

from pathlib import Path

import click


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
    from nas.dashboard import open_browser, socket_at
    from nas.shown_runs import bench_rows, source_of
    from results.dashboard.board import Board
    from results.dashboard.server import serve

    board = Board([source_of(run) for run in runs], bench_rows(benches))
    with socket_at(host, port) as bound:
        name = f"[{host}]" if ":" in host else host
        address = f"http://{name}:{bound.getsockname()[1]}"
        click.echo(f"{address} (Ctrl-C ends it)")
        if is_to_open is not False:
            open_browser(address, is_asked_for=is_to_open is True)
        serve(board, host, bound)
