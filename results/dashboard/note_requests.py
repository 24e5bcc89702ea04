"""Requests that write a note on a run or a candidate, from whoever has the server's token."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from typing import Protocol

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from results.notes import InvalidNote, Note

_MOST_BYTES = 64 * 1024
_TOKEN_HEADER = "x-token"  # the header's name


class NoteWriter(Protocol):
    """What a board is to these requests."""

    token: str

    @property
    def sources(self) -> Sequence[object]:
        """The runs of the page."""

    def write_note(self, index: int, number: int | None, note: Note) -> None:
        """Put a note on a candidate, or on the run."""


async def put_note(request: Request) -> Response:
    """Replace the note that the address names.

    A page of another site cannot do so: it has neither the token nor the right to send its header.
    """
    board: NoteWriter = request.app.state.board
    given = request.headers.get(_TOKEN_HEADER, "")
    if not secrets.compare_digest(given.encode(), board.token.encode()):
        raise HTTPException(403, "notes are written at the address that nas dashboard printed")
    index, number = request.path_params["index"], request.path_params.get("number")
    if index >= len(board.sources):
        raise HTTPException(404, f"no run {index}")
    note = await _note(request)
    try:
        await run_in_threadpool(board.write_note, index, number, note)
    except LookupError as error:
        raise HTTPException(404, str(error.args[0])) from error
    except InvalidNote as error:
        raise HTTPException(400, str(error)) from error
    except OSError as error:
        raise HTTPException(500, f"cannot be written ({error.strerror})") from error
    return JSONResponse(note.to_json())


async def _note(request: Request) -> Note:
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > _MOST_BYTES:
            raise HTTPException(413, f"note: must be {_MOST_BYTES // 1024} KiB or less")
    try:
        return Note.of(json.loads(content))
    except InvalidNote as error:
        raise HTTPException(400, str(error)) from error
    except ValueError as error:
        raise HTTPException(400, f"note: not JSON ({error})") from error
    except RecursionError as error:
        raise HTTPException(400, "note: too deep") from error
