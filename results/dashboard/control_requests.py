"""Requests to a running search, from whoever has the token of a server with ``--control``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from results.control import InvalidRequest
from results.dashboard.writing import Guarded, json_content, run_to_write

_Result = TypeVar("_Result")


class Controller(Guarded, Protocol):
    """What a board is to these requests."""

    has_control: bool

    def ask_to_stop(self, index: int) -> None:
        """Ask a run's search to end."""

    def ask_for(self, index: int, choices: Any) -> dict[str, Any]:
        """Ask a run's search for a network; return it as a WANTED."""

    def withdraw(self, index: int, name: str) -> bool:
        """Take the request for a network back; return whether it was still waiting."""


async def stop(request: Request) -> Response:
    """Ask the search to end."""
    board, index = _controlled(request)
    await _done(board.ask_to_stop, index)
    return JSONResponse({"stop": True})


async def evaluate_next(request: Request) -> Response:
    """Ask the search to evaluate the network whose choices the request holds."""
    board, index = _controlled(request)
    choices = await json_content(request, "choices")
    return JSONResponse(await _done(board.ask_for, index, choices))


async def withdraw(request: Request) -> Response:
    """Take the request for a network back."""
    board, index = _controlled(request)
    if not await _done(board.withdraw, index, request.path_params["name"]):
        raise HTTPException(404, "it does not wait any more")
    return JSONResponse({})


def _controlled(request: Request) -> tuple[Controller, int]:
    board: Controller = request.app.state.board
    index = run_to_write(request, board, "a search is controlled")
    if not board.has_control:
        raise HTTPException(403, "a search is controlled by a page of nas dashboard --control")
    return board, index


async def _done(work: Callable[..., _Result], *arguments: Any) -> _Result:
    """Do it in a thread, and answer a refusal with what is wrong."""
    try:
        return await run_in_threadpool(work, *arguments)
    except LookupError as error:
        raise HTTPException(404, str(error.args[0])) from error
    except InvalidRequest as error:
        raise HTTPException(400, str(error)) from error
    except OSError as error:
        raise HTTPException(500, f"cannot be written ({error.strerror})") from error
