"""A browser, and the dashboard's server in this process."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from nas.run_directory import dashboard_source
from results.candidate import Candidate
from results.dashboard.board import Board
from results.dashboard.live_run import RecordLocation
from results.dashboard.server import app, listen
from results.database_url import sqlite_url
from results.record import Record
from tests.results.dashboard.made_run import make_run

_NAMES = ("chromium", "chromium-browser", "google-chrome")  # as in the Makefile
_WAIT_MS = 60_000
CANDIDATES = 60

expect.set_options(timeout=_WAIT_MS)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Start headless Chromium; without it the tests are skipped, but fail on CI."""
    program = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if program is None:
        stop = pytest.fail if os.environ.get("CI") else pytest.skip
        stop("needs Chromium: apt install chromium")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


@dataclass
class Visit:
    """An open page, with its errors and its requests."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, address: str) -> Page:
        """Open an address and wait for the plot.

        Without a query the server's page has its modules apart, so that a test can import them.
        """
        base, mark, fragment = address.partition("#")
        is_served = base.startswith("http") and "?" not in base
        self.page.goto(f"{base}{'?apart' if is_served else ''}{mark}{fragment}")
        self.page.wait_for_function("() => document.documentElement.dataset.drawn !== undefined")
        return self.page


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Return a function that opens pages; none may have an error or send a request elsewhere."""
    visits: list[Visit] = []
    with ExitStack() as contexts:

        def begin(**options: Any) -> Visit:
            context: BrowserContext = browser.new_context(accept_downloads=True, **options)
            contexts.callback(context.close)
            visits.append(_watched(context.new_page()))
            return visits[-1]

        yield begin
    for visited in visits:
        assert visited.errors == []
        here = ("http://127.0.0.1:", "file:///", "data:", "blob:")
        assert [url for url in visited.requests if not url.startswith(here)] == []


def _watched(page: Page) -> Visit:
    visit = Visit(page)
    page.set_default_timeout(_WAIT_MS)
    page.on("pageerror", lambda error: visit.errors.append(str(error)))
    page.on(
        "console",
        lambda message: visit.errors.append(message.text) if message.type == "error" else None,
    )
    page.on("request", lambda request: visit.requests.append(request.url))
    return visit


@pytest.fixture(scope="package")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a run with sixty candidates, which no test may change."""
    path = tmp_path_factory.mktemp("runs") / "made"
    make_run(path, CANDIDATES).close()
    return path


@pytest.fixture(scope="package")
def candidates(made: Path) -> list[Candidate]:
    """Return the candidates of the made run."""
    where = place(made)
    with Record.read(where.url, where.run_id) as record:
        return record.candidates()


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Return a function that serves run directories and returns the address."""
    with ExitStack() as servers:

        def begin(
            *runs: Path,
            benches: list[dict[str, Any]] | None = None,
            token: str | None = None,
            has_control: bool = False,
        ) -> str:
            sources = [dashboard_source(run) for run in runs]
            board = Board(sources, benches or [], token, has_control)
            return servers.enter_context(_served(board))

        yield begin


def place(run: Path) -> RecordLocation:
    """Return where :mod:`tests.results.dashboard.made_run` puts a record."""
    return RecordLocation(sqlite_url(run / "record.sqlite"), "made")


@contextmanager
def _served(board: Board) -> Iterator[str]:
    bound = listen("127.0.0.1", 0)
    config = uvicorn.Config(app(board, "127.0.0.1"), lifespan="off", ws="none", log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    board.start()
    thread.start()
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/"
    finally:
        board.close()
        server.should_exit = True
        thread.join()
        bound.close()
