"""Make the pictures in README.md and docs/dashboard.md from a run: the page, and its plot alone.

python -m benchmarks.pictures RUN [--out docs] [--width 1440] [--dark]

RUN should be given by a short path, since the picture shows it. It needs Chromium and playwright.
"""

from __future__ import annotations

import argparse
import threading
from pathlib import Path

from playwright.sync_api import FloatRect

from benchmarks.chromium import chromium
from benchmarks.cpu_protocol import one_line_errors
from nas.errors import UserError
from nas.run_directory import dashboard_source
from results.dashboard.board import Board
from results.dashboard.server import listen, serve_until

_PAGE, _PLOT = "dashboard.png", "pareto.png"
_HEIGHT = 900
_BUTTONS = 4  # pixels of those above the plot that reach into it
_SETTLE_MS = 2000  # for the verdict, which the server computes


def main() -> None:
    """Write the pictures, and print where."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--out", type=Path, default=Path("docs"), help="a folder")
    parser.add_argument("--width", type=int, default=1440)
    parser.add_argument("--dark", action="store_true")
    options = parser.parse_args()
    with one_line_errors():
        _pictures(options)
    print(*(options.out / name for name in (_PAGE, _PLOT)))


def _pictures(options: argparse.Namespace) -> None:
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
            page.screenshot(path=options.out / _PAGE)
            box = page.locator("#plot-frame").bounding_box()
            assert box is not None
            top, left, width, height = box["y"] + _BUTTONS, box["x"], box["width"], box["height"]
            plot = FloatRect(x=left, y=top, width=width, height=height - _BUTTONS)
            page.screenshot(path=options.out / _PLOT, clip=plot)
    finally:
        stop.set()
        server.join()


if __name__ == "__main__":
    main()
