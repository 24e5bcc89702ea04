"""Make the picture of the dashboard in README.md and docs/dashboard.md, from a run.

python -m benchmarks.pictures RUN [--out docs/dashboard.png] [--width 1440] [--dark]

RUN should be given by a short path, since the picture shows it. It needs Chromium and playwright.
"""

from __future__ import annotations

import argparse
import threading
from pathlib import Path

from benchmarks.chromium import chromium
from benchmarks.cpu_protocol import one_line_errors
from nas.errors import UserError
from nas.run_directory import dashboard_source
from results.dashboard.board import Board
from results.dashboard.server import listen, serve_until

_HEIGHT = 900
_SETTLE_MS = 2000  # for the verdict, which the server computes


def main() -> None:
    """Write the picture, and print where."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--out", type=Path, default=Path("docs/dashboard.png"))
    parser.add_argument("--width", type=int, default=1440)
    parser.add_argument("--dark", action="store_true")
    options = parser.parse_args()
    with one_line_errors():
        _picture(options)
    print(options.out)


def _picture(options: argparse.Namespace) -> None:
    if not (options.run / "run.json").is_file():
        raise UserError(f"RUN: got {options.run}, must be the directory of a run")
    board, bound = Board([dashboard_source(options.run)], []), listen("127.0.0.1", 0)
    stop, is_up = threading.Event(), threading.Event()
    server = threading.Thread(target=serve_until, args=(board, "127.0.0.1", bound, stop, is_up))
    server.start()
    is_up.wait()
    try:
        with chromium() as browser:
            page = browser.new_page(
                viewport={"width": options.width, "height": _HEIGHT},
                color_scheme="dark" if options.dark else "light",
            )
            page.goto(f"http://127.0.0.1:{bound.getsockname()[1]}/")
            page.wait_for_function("() => document.documentElement.dataset.drawn !== undefined")
            page.wait_for_timeout(_SETTLE_MS)
            page.screenshot(path=options.out)
    finally:
        stop.set()
        server.join()


if __name__ == "__main__":
    main()
