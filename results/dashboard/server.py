"""Serves the dashboard until Ctrl-C."""

from __future__ import annotations

import asyncio
import math
import socket
import threading
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import lru_cache
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from results.dashboard.columns import to_json
from results.dashboard.facts import detail
from results.dashboard.importance import TARGETS, importances
from results.dashboard.page_files import INDEX, kind_of, page_files, plotly_js
from results.dashboard.payload import page_data
from results.dashboard.security import Guard, own_names
from results.dashboard.source import Source
from results.database import RecordError
from reward.objective import Objective


def listen(host: str, port: int) -> socket.socket:
    """A socket that is bound and takes connections from here on; port 0 is any free one.

    Raises:
        OSError: no such address, or the port is taken.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(128)
    except OSError:
        bound.close()
        raise
    return bound


def serve(board: Board, host: str, bound: socket.socket) -> None:
    """Answers at a socket of :func:`listen` until Ctrl-C, which it passes on as such."""
    board.start()
    config = uvicorn.Config(
        app(board, host),
        lifespan="off",
        ws="none",
        log_level="error",
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    try:
        _Server(config, board).run(sockets=[bound])
    finally:
        board.close()


class _Server(uvicorn.Server):
    """Lets those who wait for news go, without which it would wait for them."""

    def __init__(self, config: uvicorn.Config, board: Board) -> None:
        super().__init__(config)
        self._board = board

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """At a signal."""
        self._board.close()
        super().handle_exit(sig, frame)


_NEWS_EVERY_S, _SIGN_OF_LIFE_S = 0.2, 15.0


def app(board: Board, host: str) -> ASGIApp:
    """The application; ``host`` is where it listens, one of the names it answers to."""
    routes = [
        Route("/", _page),
        Route("/page/{name}", _page),
        Route("/plotly.js", _plotly),
        Route("/api/runs", _runs),
        Route("/api/events", _events),
        Route("/api/runs/{index:int}", _run),
        Route("/api/runs/{index:int}/candidates/{number:int}", _candidate),
        Route("/api/runs/{index:int}/importance", _importance),
    ]
    starlette = Starlette(
        routes=routes, exception_handlers={HTTPException: _problem, RecordError: _unreadable}
    )
    starlette.state.board = board
    return Guard(starlette, own_names(host))


def _page(request: Request) -> Response:
    """One of the page's own files: the name is looked up among them, never on the disk."""
    name = request.path_params.get("name", INDEX)
    text = page_files().get(name)
    if text is None:
        raise HTTPException(404, f"no page {name!r}")
    return Response(text, media_type=kind_of(name))


def _plotly(_: Request) -> Response:
    return Response(plotly_js(), media_type="text/javascript")


def _runs(request: Request) -> Response:
    return _json(_board(request).whole())


def _run(request: Request) -> Response:
    return _json(_board(request).run(_index(request), request.query_params.get("after")))


def _candidate(request: Request) -> Response:
    number = request.path_params["number"]
    found = _board(request).detail(_index(request), number)
    if found is None:
        raise HTTPException(404, f"no candidate {number}")
    return _json(found)


def _importance(request: Request) -> Response:
    target = request.query_params.get("target", TARGETS[0])
    if target not in TARGETS:
        raise HTTPException(400, f"target: got {target!r}, must be one of {', '.join(TARGETS)}")
    papers = Objective()
    objective = Objective(
        _exponent(request, "w", papers.step_time_exponent),
        _exponent(request, "v", papers.parameters_exponent),
    )
    return _json(_board(request).importance(_index(request), target, objective))


async def _events(request: Request) -> Response:
    return StreamingResponse(_news(_board(request)), media_type="text/event-stream")


async def _news(board: Board) -> AsyncIterator[str]:
    """The runs' versions whenever one changed, until the reader or the server goes."""
    told: dict[str, str] | None = None
    spoke = time.monotonic()
    while not board.is_closing:
        versions = board.versions()
        if versions != told:
            told, spoke = versions, time.monotonic()
            yield f"event: changed\ndata: {to_json({'runs': versions})}\n\n"
        elif time.monotonic() - spoke > _SIGN_OF_LIFE_S:
            spoke = time.monotonic()
            yield ": still here\n\n"
        await asyncio.sleep(_NEWS_EVERY_S)


def _board(request: Request) -> Board:
    board: Board = request.app.state.board
    return board


def _index(request: Request) -> int:
    index: int = request.path_params["index"]
    if index >= len(_board(request).sources):
        raise HTTPException(404, f"no run {index}")
    return index


def _exponent(request: Request, name: str, default: float) -> float:
    written = request.query_params.get(name, str(default))
    try:
        value = float(written)
    except ValueError:
        value = math.nan
    if not abs(value) <= 10:
        raise HTTPException(400, f"{name}: got {written!r}, must be a number from -10 to 10")
    return value


def _json(value: object) -> Response:
    return Response(to_json(value), media_type="application/json")


def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"problem": error.detail}, error.status_code)


def _unreadable(_: Request, error: Exception) -> Response:
    return JSONResponse({"problem": str(error)}, 500)


_PAUSE_S, _SHORT_PAUSE_S = 0.5, 0.05


_START_S = 120.0


class Board:
    """Any thread may ask; :meth:`start` begins to read, :meth:`close` ends it."""

    def __init__(self, sources: Sequence[Source], benches: Sequence[Mapping[str, Any]]) -> None:
        self.sources = list(sources)
        self.is_closing = False
        self._benches = benches
        self._is_read = threading.Event()
        self._importance_lock = threading.Lock()
        self._importance = lru_cache(maxsize=64)(self._find_importance)
        self._thread = threading.Thread(target=self._keep_reading, daemon=True)

    def start(self) -> None:
        """Begins to read the RUNs."""
        self._thread.start()

    def close(self) -> None:
        """Asks the reading, and whoever waits for news, to end."""
        self.is_closing = True
        self._is_read.set()

    def versions(self) -> dict[str, str]:
        """Each run's version, by its place."""
        return {str(i): source.version for i, source in enumerate(self.sources)}

    def whole(self) -> dict[str, Any]:
        """All there is to show, once every RUN has been read."""
        self._wait()
        return page_data(self.sources, self._benches, "live")

    def detail(self, index: int, number: int) -> dict[str, Any] | None:
        """One candidate; None if there is none.

        Raises:
            RecordError: the record cannot be read.
        """
        self._wait()
        source = self.sources[index]
        candidate = source.candidate(number)
        if candidate is None or source.run is None:
            return None
        prefix = f"{source.path.absolute().name}-" if len(self.sources) > 1 else ""
        return detail(candidate, source.run.settings, source.run.place.run_id, prefix)

    def importance(self, index: int, target: str, objective: Objective) -> dict[str, Any]:
        """How much each choice decides; remembered until the run changes."""
        self._wait()
        with self._importance_lock:
            return self._importance(index, self.sources[index].version, target, objective)

    def _find_importance(
        self, index: int, version: str, target: str, objective: Objective
    ) -> dict[str, Any]:
        source = self.sources[index]
        space = source.run.space if source.run else None
        return importances(source.rows(), space, objective, [target])[target]

    def run(self, index: int, after: str | None) -> dict[str, Any]:
        """One run, or what of it changed after a version."""
        self._wait()
        return self.sources[index].payload(index, after)

    def _wait(self) -> None:
        """Until every RUN has been read once."""
        self._is_read.wait(_START_S)

    def _keep_reading(self) -> None:
        while not self.is_closing:
            begin = time.monotonic()
            for source in self.sources:
                source.poll()
            self._is_read.set()
            has_more = any(source.has_more for source in self.sources)
            taken = time.monotonic() - begin  # at most half of the time is spent in reading
            time.sleep(max(_SHORT_PAUSE_S if has_more else _PAUSE_S, taken))
        for source in self.sources:
            source.close()
