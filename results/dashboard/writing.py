"""Requests that write: who may send them, and what they hold."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from typing import Any, Protocol

from starlette.exceptions import HTTPException
from starlette.requests import Request

_MOST_BYTES = 64 * 1024
_TOKEN_HEADER = "x-token"  # the header's name


class Guarded(Protocol):
    """What a board is to these requests."""

    token: str

    @property
    def sources(self) -> Sequence[object]:
        """The runs of the page."""


def run_to_write(request: Request, board: Guarded, what: str) -> int:
    """Return the index of the run that the request is about; ``what`` is in the plural.

    A page of another site cannot send it: it has neither the token nor the right to its header.

    Raises:
        HTTPException: the token is not the server's, or there is no such run.
    """
    given = request.headers.get(_TOKEN_HEADER, "")
    if not secrets.compare_digest(given.encode(), board.token.encode()):
        raise HTTPException(403, f"{what} at the address that nas dashboard printed")
    index: int = request.path_params["index"]
    if index >= len(board.sources):
        raise HTTPException(404, f"no run {index}")
    return index


async def json_content(request: Request, what: str) -> Any:
    """Return what the request holds, in JSON types; error messages name ``what``.

    Raises:
        HTTPException: it is too long, or not JSON.
    """
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > _MOST_BYTES:
            raise HTTPException(413, f"{what}: must be {_MOST_BYTES // 1024} KiB or less")
    try:
        return json.loads(content)
    except ValueError as error:
        raise HTTPException(400, f"{what}: not JSON ({error})") from error
    except RecursionError as error:
        raise HTTPException(400, f"{what}: too deep") from error
