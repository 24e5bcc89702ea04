"""The dashboard's server: it reads the runs in the background and answers the page's requests."""

from __future__ import annotations

import asyncio
import secrets
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
from results.dashboard.note_requests import put_note
from results.dashboard.page_files import media_type, page_files, served_page
from results.dashboard.payload import page_data
from results.dashboard.security import HostGuard, host_names
from results.dashboard.source import Source
from results.database import RecordError
from results.notes import Note
from reward.objective import Objective, parse_reward

_READ_INTERVAL_S = 0.5
_BUSY_READ_INTERVAL_S = 0.05  # while intervals are still to be computed
_FIRST_READ_TIMEOUT_S = 120.0
_EVENT_INTERVAL_S = 0.2
_KEEP_ALIVE_S = 15.0


def listen(host: str, port: int) -> socket.socket:
    """Return a bound, listening socket; port 0 stands for any free port.

    Raises:
        OSError: the address does not exist here, or the port is taken.
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
    """Serve at a socket of :func:`listen` until Ctrl-C, then raise KeyboardInterrupt."""
    board.start()
    try:
        _Server(_config(board, host), board).run(sockets=[bound])
    finally:
        board.close()


def serve_until(
    board: Board,
    host: str,
    bound: socket.socket,
    stop: threading.Event,
    is_up: threading.Event,
) -> None:
    """Serve at a socket of :func:`listen` in this thread until ``stop`` is set.

    ``is_up`` is set once the page answers. Signals are left to the main thread.
    """
    server = _Server(_config(board, host), board)

    def watch() -> None:
        while not server.started and not stop.is_set():
            stop.wait(0.02)
        is_up.set()
        stop.wait()
        board.close()
        server.should_exit = True

    watcher = threading.Thread(target=watch, name="dashboard's end", daemon=True)
    board.start()
    watcher.start()
    try:
        server.run(sockets=[bound])
    finally:
        board.close()
        stop.set()
        watcher.join()


def _config(board: Board, host: str) -> uvicorn.Config:
    return uvicorn.Config(
        app(board, host),
        lifespan="off",
        ws="none",
        log_level="error",
        server_header=False,
        timeout_graceful_shutdown=1,
    )


class _Server(uvicorn.Server):
    """uvicorn's server, which ends the open event streams instead of waiting for them."""

    def __init__(self, config: uvicorn.Config, board: Board) -> None:
        super().__init__(config)
        self._board = board

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Close the board at a signal, then exit as usual."""
        self._board.close()
        super().handle_exit(sig, frame)


class Board:
    """The runs of a page, read by a background thread from :meth:`start` to :meth:`close`.

    Any thread may call its methods; they wait until every run was read once.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        benches: Sequence[Mapping[str, Any]],
        token: str | None = None,
    ) -> None:
        """``token`` is what a request that writes a note must have; None makes a secret one."""
        self.sources = list(sources)
        self.is_closing = False
        self.token = token or secrets.token_urlsafe(12)
        self._benches = benches
        self._is_read = threading.Event()
        self._importance_lock = threading.Lock()
        self._cached_importance = lru_cache(maxsize=64)(self._compute_importance)
        self._thread = threading.Thread(target=self._keep_reading, daemon=True)

    def start(self) -> None:
        """Start to read the runs."""
        self._thread.start()

    def close(self) -> None:
        """Ask the reading thread and the event streams to end."""
        self.is_closing = True
        self._is_read.set()

    def versions(self) -> dict[str, str]:
        """Return each run's version, by its index."""
        return {str(i): source.version for i, source in enumerate(self.sources)}

    def page_data(self) -> dict[str, Any]:
        """Return the data of the whole page, as :mod:`results.dashboard.payload` specifies."""
        self._wait()
        return page_data(self.sources, self._benches, "live")

    def detail(self, index: int, number: int) -> dict[str, Any] | None:
        """Return one candidate's DETAIL; None if it does not exist.

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
        """Return the IMPORTANCE of each choice for a target; cached until the run changes."""
        self._wait()
        with self._importance_lock:
            return self._cached_importance(index, self.sources[index].version, target, objective)

    def _compute_importance(
        self, index: int, version: str, target: str, objective: Objective
    ) -> dict[str, Any]:
        """Compute what :meth:`importance` returns; ``version`` is only a key of the cache."""
        source = self.sources[index]
        space = source.run.space if source.run else None
        return importances(source.rows(), space, objective, [target])[target]

    def verdict(self, index: int, objective: Objective) -> dict[str, Any] | None:
        """Return the VERDICT by an objective; None without a winner."""
        self._wait()
        return self.sources[index].verdict(objective)

    def write_note(self, index: int, number: int | None, note: Note) -> None:
        """Put a note on a candidate, or on the run; raise as :meth:`Source.write_note`."""
        self._wait()
        self.sources[index].write_note(number, note)

    def run(self, index: int, after: str | None) -> dict[str, Any]:
        """Return one RUN, or its changes after a version."""
        self._wait()
        return self.sources[index].payload(index, after)

    def _wait(self) -> None:
        """Wait until every run was read once."""
        self._is_read.wait(_FIRST_READ_TIMEOUT_S)

    def _keep_reading(self) -> None:
        while not self.is_closing:
            started = time.monotonic()
            for source in self.sources:
                source.poll()
            self._is_read.set()
            has_more = any(source.has_more for source in self.sources)
            interval_s = _BUSY_READ_INTERVAL_S if has_more else _READ_INTERVAL_S
            taken_s = time.monotonic() - started
            time.sleep(max(interval_s, taken_s))  # reading takes at most half of the time
        for source in self.sources:
            source.close()


def app(board: Board, host: str) -> ASGIApp:
    """Return the ASGI application; it answers to ``host``, where it listens, among other names."""
    routes = [
        Route("/", _page),
        Route("/page/{name}", _file),
        Route("/api/runs", _runs),
        Route("/api/events", _events),
        Route("/api/runs/{index:int}", _run),
        Route("/api/runs/{index:int}/candidates/{number:int}", _candidate),
        Route("/api/runs/{index:int}/importance", _importance),
        Route("/api/runs/{index:int}/verdict", _verdict),
        Route("/api/runs/{index:int}/notes", put_note, methods=["PUT"]),
        Route("/api/runs/{index:int}/candidates/{number:int}/notes", put_note, methods=["PUT"]),
    ]
    starlette = Starlette(
        routes=routes,
        exception_handlers={HTTPException: _http_problem, RecordError: _record_problem},
    )
    starlette.state.board = board
    return HostGuard(starlette, host_names(host))


def _page(_: Request) -> Response:
    return Response(served_page(), media_type="text/html")


def _file(request: Request) -> Response:
    """Answer with a file of the page: the name is looked up among them, not on the disk."""
    name = request.path_params["name"]
    text = page_files().get(name)
    if text is None:
        raise HTTPException(404, f"no page {name!r}")
    return Response(text, media_type=media_type(name))


def _runs(request: Request) -> Response:
    return _json(_board(request).page_data())


def _run(request: Request) -> Response:
    return _json(_board(request).run(_index(request), request.query_params.get("after")))


def _candidate(request: Request) -> Response:
    number = request.path_params["number"]
    candidate = _board(request).detail(_index(request), number)
    if candidate is None:
        raise HTTPException(404, f"no candidate {number}")
    return _json(candidate)


def _importance(request: Request) -> Response:
    target = request.query_params.get("target", TARGETS[0])
    if target not in TARGETS:
        raise HTTPException(400, f"target: got {target!r}, must be one of {', '.join(TARGETS)}")
    objective = _objective(request)
    return _json(_board(request).importance(_index(request), target, objective))


def _verdict(request: Request) -> Response:
    return _json(_board(request).verdict(_index(request), _objective(request)))


async def _events(request: Request) -> Response:
    return StreamingResponse(_event_stream(_board(request)), media_type="text/event-stream")


async def _event_stream(board: Board) -> AsyncIterator[str]:
    """Send all runs' versions at first and after each change, until the client or board closes."""
    sent: dict[str, str] | None = None
    sent_at = time.monotonic()
    while not board.is_closing:
        versions = board.versions()
        if versions != sent:
            sent, sent_at = versions, time.monotonic()
            yield f"event: changed\ndata: {to_json({'runs': versions})}\n\n"
        elif time.monotonic() - sent_at > _KEEP_ALIVE_S:
            sent_at = time.monotonic()
            yield ": keep alive\n\n"
        await asyncio.sleep(_EVENT_INTERVAL_S)


def _board(request: Request) -> Board:
    board: Board = request.app.state.board
    return board


def _index(request: Request) -> int:
    index: int = request.path_params["index"]
    if index >= len(_board(request).sources):
        raise HTTPException(404, f"no run {index}")
    return index


def _objective(request: Request) -> Objective:
    """Return the objective that the address names, by default the product."""
    try:
        return parse_reward(request.query_params.get("reward", "product"))
    except ValueError as error:
        raise HTTPException(400, f"reward: {error}") from error


def _json(value: object) -> Response:
    return Response(to_json(value), media_type="application/json")


def _http_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"problem": error.detail}, error.status_code)


def _record_problem(_: Request, error: Exception) -> Response:
    return JSONResponse({"problem": str(error)}, 500)
