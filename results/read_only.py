"""Open a record for reading alone: nothing is changed, and no write access is needed.

SQLite reads a file in WAL mode only if the files ``-wal`` and ``-shm`` are beside it, or can be
created. They are there while a search runs, and after it was killed. Otherwise a copy is read.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import NullPool

from results.database import RecordError, connect, lenient_text, sqlite_connection
from results.database_url import sqlite_file
from results.file_system import is_local, whose
from results.salvage import NOT_DAMAGE, Salvaged, is_damaged, opened, salvage
from search_space import bounds

_WAL, _SHM, _JOURNAL = "-wal", "-shm", "-journal"  # suffixes of SQLite's files beside a database
_WAL_HEADER_BYTES = 32
_COPY_TRIES, _COPY_PAUSE_S = 20, 0.05
_LOOK = "SELECT 1 FROM sqlite_master"
_FALSE_TABLES = (
    "SELECT 1 FROM sqlite_master WHERE lower(name) IN ('runs', 'candidates') "
    "AND (type = 'view' OR sql LIKE 'create virtual%')"
)
_INSTRUCTIONS_A_LOOK = 100_000  # of SQLite, between looks at the clock


class ReadOnly(NamedTuple):
    """An engine that only reads; if the file is damaged, one on what was found in it."""

    engine: Engine
    salvaged: Salvaged | None = None


def connect_read_only(url: str) -> ReadOnly:
    """Return an engine that only reads; it reopens a file for each query, since a run may change.

    Raises:
        RecordError: as for :func:`~results.database.connect`, and if the file does not exist or may
            not be read.
    """
    engine = connect(url)
    file = sqlite_file(url)
    if file is None:
        return ReadOnly(engine)
    _check_readable(file)
    salvaged = _salvaged(file.resolve())
    creator = partial(opened, salvaged.database()) if salvaged else partial(_open_bounded, file)
    engine = create_engine("sqlite://", creator=creator, poolclass=NullPool)
    event.listen(engine, "connect", _restrict)
    return ReadOnly(engine, salvaged)


def _salvaged(file: Path) -> Salvaged | None:
    """Return what was found in a damaged record; None if it is whole, or nothing was found."""
    try:
        with closing(_open_bounded(file)) as connection:
            if not is_damaged(connection):
                return None
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in NOT_DAMAGE:
            return None
    except (sqlite3.DatabaseError, UnicodeError):  # its message may hold what is damaged
        pass
    except RecordError:  # the first query raises it
        return None
    try:
        found = salvage(file)
    except OSError:
        return None
    return None if found.is_empty else found


def _check_readable(file: Path) -> None:
    try:
        file.stat()
    except PermissionError as error:
        raise _not_readable(file) from error
    except OSError:
        pass
    if not file.is_file():
        raise RecordError(f"{file}: no such file")
    if not os.access(file, os.R_OK):
        raise _not_readable(file)
    for part in (_beside(file, suffix) for suffix in ("", _WAL, _SHM, _JOURNAL)):
        if part.exists() and not part.is_file():
            raise RecordError(f"{part}: a pipe or a device, must be a file")
        if part.exists() and part.stat().st_size > bounds.MOST_RECORD_BYTES:
            raise RecordError(
                f"{part}: has {part.stat().st_size:,} bytes, must have "
                f"{bounds.MOST_RECORD_BYTES:,} or fewer"
            )


def _not_readable(file: Path) -> RecordError:
    return RecordError(f"{file}: not readable{whose(file)}")


def _open_bounded(file: Path) -> sqlite3.Connection:
    """Open a file as :func:`_open` does, against what a stranger's may define to have no end.

    That is a value of any size, a view or a virtual table in place of ours, and what else is slow.

    Raises:
        RecordError: one of our tables is none.
    """
    connection = _open(file)
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, bounds.MOST_CELL_BYTES)
        end = time.monotonic() + bounds.MOST_QUERY_S
        connection.set_progress_handler(lambda: time.monotonic() > end, _INSTRUCTIONS_A_LOOK)
        if connection.execute(_FALSE_TABLES).fetchall():
            raise RecordError(f"{file}: holds a view in place of a table of a record")
    except BaseException:
        connection.close()
        raise
    return connection


def _open(file: Path) -> sqlite3.Connection:
    """Open a file where it is, or a copy if SQLite would have to write beside it."""
    file = file.resolve()  # SQLite's other files are beside the target of a link
    if not _is_readable_in_place(file):
        return _open_copy(file)
    connection = sqlite_connection(file, "mode=ro")
    try:
        connection.execute(_LOOK).fetchall()
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise
        return _open_copy(file)  # the journal of a killed search, or no locks on this disk
    return connection


def _is_readable_in_place(file: Path) -> bool:
    """Return whether SQLite can read a file without creating others."""
    if _beside(file, _WAL).exists() and _beside(file, _SHM).exists():
        return is_local(file)
    # Without locks SQLite opens no file in WAL mode. To read the mode from the file's first bytes
    # instead would release this process's own locks on it when the file is closed.
    with closing(sqlite_connection(file, "mode=ro&nolock=1")) as connection:
        try:
            connection.execute(_LOOK).fetchall()
        except sqlite3.OperationalError as error:
            return error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CANTOPEN
        except (sqlite3.DatabaseError, UnicodeError):  # being written, or damaged
            pass
        return True


def _open_copy(file: Path) -> sqlite3.Connection:
    """Open a copy, whose files are deleted at once: the open connection keeps its content."""
    try:
        with tempfile.TemporaryDirectory(prefix="nas-record-") as directory:
            copy = Path(directory) / file.name
            _copy(file, copy)
            return _settled(copy)
    except OSError as error:
        raise RecordError(
            f"{file}: must be copied to be read, which failed ({error}); TMPDIR sets the folder"
        ) from error


def _settled(copy: Path) -> sqlite3.Connection:
    """Open a copy, and complete it, so that it needs no other file.

    This applies what a killed search left in its WAL, or takes back what it left half done.
    """
    connection = sqlite_connection(copy, "mode=rw")
    try:
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute(_LOOK).fetchall()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _copy(file: Path, copy: Path) -> None:
    """Copy a database, which another process may be writing, as it was at one moment.

    The WAL is copied after the database: as long as it is not begun anew, it holds every page that
    is being moved from it into the database.
    """
    for _ in range(_COPY_TRIES):
        before = _generation(file)
        for suffix in ("", _WAL, _JOURNAL):
            try:
                shutil.copyfile(_beside(file, suffix), _beside(copy, suffix))
            except FileNotFoundError:
                _beside(copy, suffix).unlink(missing_ok=True)
        if _generation(file) == before:
            return
        time.sleep(_COPY_PAUSE_S)
    raise RecordError(f"{file}: must be copied to be read, but is written too often")


def _generation(file: Path) -> tuple[object, ...]:
    """Return what stays the same while the files belong together."""
    try:
        with _beside(file, _WAL).open("rb") as wal:
            header = wal.read(_WAL_HEADER_BYTES)  # holds a number that is new at each beginning
    except FileNotFoundError:
        header = b""
    if header:
        return (header,)
    return (_state(file), _state(_beside(file, _JOURNAL)))


def _state(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _beside(file: Path, suffix: str) -> Path:
    return file.with_name(file.name + suffix)


def _restrict(connection: Any, _: object) -> None:
    """Forbid writing, and functions in views and triggers, which a stranger's file may define."""
    connection.text_factory = lenient_text
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA query_only=ON")
