"""Serves the dashboard until Ctrl-C."""

from __future__ import annotations

import socket
from types import FrameType

import uvicorn

from results.dashboard.app import app
from results.dashboard.board import Board


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
