"""What can go wrong with the record, each in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError


class RecordError(Exception):
    """The record cannot be read or written; the message is one line that names it and says why."""


# What the database says, and what it means to the user.
_MEANINGS = {
    "file is not a database": "not a record of this tool, nor any database",
    "malformed": "the database is damaged",
    "disk is full": "no room left on the disk; what was recorded before is kept",
    "disk I/O error": "the disk refused to write; what was recorded before is kept",
    "locked": "another process keeps it locked",
    "unable to open": "cannot be opened; does its directory exist?",
    "readonly": "not writable",
    "UNIQUE": "the candidate is already recorded",
    "no such table": "a database, but not a record of this tool",
}


@contextmanager
def one_line_errors(where: str) -> Iterator[None]:
    """Turns the database's errors into RecordError; ``where`` is the record's address."""
    try:
        yield
    except SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or error).strip().split("\n")[0]
        meaning = next(
            (text for key, text in _MEANINGS.items() if key.lower() in said.lower()), None
        )
        raise RecordError(f"{where}: {f'{meaning} ({said})' if meaning else said}") from error
