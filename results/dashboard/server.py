"""The dashboard's server: it answers the page's requests about the runs of a board."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator
from types import FrameType

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from results.dashboard.board import Board
from results.dashboard.columns import to_json
from results.dashboard.control_requests import evaluate_next, stop, withdraw
from results.dashboard.importance import TARGETS
from results.dashboard.note_requests import put_note
from results.dashboard.page_files import media_type, served_file, served_page
from results.dashboard.security import HostGuard, host_names
from results.database import RecordError
from reward.objective import Objective, parse_reward

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
        Route("/api/runs/{index:int}/stop", stop, methods=["POST"]),
        Route("/api/runs/{index:int}/next", evaluate_next, methods=["POST"]),
        Route("/api/runs/{index:int}/next/{name}", withdraw, methods=["DELETE"]),
    ]
    starlette = Starlette(
        routes=routes,
        exception_handlers={HTTPException: _http_problem, RecordError: _record_problem},
    )
    starlette.state.board = board
    return HostGuard(starlette, host_names(host))


def _page(request: Request) -> Response:
    page = served_page(is_apart="apart" in request.query_params)
    return Response(page, media_type="text/html")


def _file(request: Request) -> Response:
    """Answer with a file of the page: the name is looked up among them, not on the disk."""
    name = request.path_params["name"]
    text = served_file(name)
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
