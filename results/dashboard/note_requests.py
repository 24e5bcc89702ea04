"""Requests that write a note on a run or a candidate, from whoever has the server's token."""

from __future__ import annotations

from typing import Protocol

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from results.dashboard.writing import Guarded, json_content, run_to_write
from results.notes import InvalidNote, Note


class NoteWriter(Guarded, Protocol):
    """What a board is to these requests."""

    def write_note(self, index: int, number: int | None, note: Note) -> None:
        """Put a note on a candidate, or on the run."""


async def put_note(request: Request) -> Response:
    """Replace the note that the address names."""
    board: NoteWriter = request.app.state.board
    index = run_to_write(request, board, "notes are written")
    number = request.path_params.get("number")
    content = await json_content(request, "note")
    try:
        note = Note.of(content)
        await run_in_threadpool(board.write_note, index, number, note)
    except LookupError as error:
        raise HTTPException(404, str(error.args[0])) from error
    except InvalidNote as error:
        raise HTTPException(400, str(error)) from error
    except OSError as error:
        raise HTTPException(500, f"cannot be written ({error.strerror})") from error
    return JSONResponse(note.to_json())
