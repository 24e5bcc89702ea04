"""The record's database: its connection, its schema, and its errors in one line."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    RowMapping,
    Select,
    Table,
    create_engine,
    event,
    inspect,
    make_url,
)
from sqlalchemy.exc import (
    ArgumentError,
    InterfaceError,
    NoSuchModuleError,
    NoSuchTableError,
    OperationalError,
    SQLAlchemyError,
)

from results.database_url import display_address, masked, sqlite_file
from results.file_system import is_local, whose
from results.rows import METADATA, SCHEMA_VERSION
from search_space.bounds import MOST_CANDIDATES

# Of libpq, for a PostgreSQL URL that sets no others: a dead connection is noticed within a minute.
_SERVER_OPTIONS = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}


class RecordError(Exception):
    """The record cannot be read or written; the message is one line with its address and why."""


class OtherEnd(RecordError):
    """A candidate is recorded already, with another end."""


class RecordAway(RecordError):
    """The record cannot be reached or written for now: locked, a full disk, or no server."""


class PatienceOver(RecordError):
    """The record was away for longer than the search waits."""


def connect(url: str, writer_of: str | None = None) -> Engine:
    """Return an engine for SQLite or PostgreSQL, which connects at its first use.

    Every commit to SQLite is on the disk when it returns. On a local disk, readers do not wait for
    the writer (WAL). On others, which WAL is not for, SQLite keeps a rollback journal.

    With ``writer_of``, the id of a run, the engine has a single session with a server, which holds
    the lock of the run's writer. A run whose lock is held cannot be connected to (RecordAway).

    Raises:
        RecordError: not a URL, an unknown database, or its driver is not installed.
    """
    try:
        parsed = make_url(url)
        if parsed.drivername == "postgresql":  # SQLAlchemy before 2.1 would use psycopg2
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() != "postgresql":
            return _sqlite_engine(create_engine(parsed), url)
        if "@" in (parsed.host or ""):  # the end of a password
            raise ValueError("host")
        parsed = parsed.set(query={**_SERVER_OPTIONS, **parsed.query})
        one_session = {} if writer_of is None else {"pool_size": 1, "max_overflow": 0}
        engine = create_engine(parsed, **one_session)
    except (NoSuchModuleError, ImportError) as error:
        raise RecordError(f"{masked(url)}: {str(error).splitlines()[0]}") from error
    except (ArgumentError, ValueError) as error:  # its message may hold a part of the password
        raise RecordError(
            f"{masked(url)}: not a database's URL (in a password, / is %2F, @ is %40)"
        ) from error
    if writer_of is not None:
        event.listen(engine, "connect", partial(_lock_run, url=url, run_id=writer_of))
    return engine


def _sqlite_engine(engine: Engine, url: str) -> Engine:
    if engine.dialect.name == "sqlite":
        file = sqlite_file(url)
        is_shared = file is not None and not is_local(file)
        event.listen(engine, "connect", _make_durable_shared if is_shared else _make_durable)
    return engine


def _lock_run(connection: Any, _: object, url: str, run_id: str) -> None:
    """Take the lock of a run's writer, which the session holds until it ends.

    The server ends the session within a minute after its machine is gone.
    """
    digest = hashlib.sha256(f"nas run {run_id}".encode()).digest()
    key = int.from_bytes(digest[:8], signed=True)
    with closing(connection.cursor()) as cursor:
        for option, value in (("idle", 30), ("interval", 10), ("count", 3)):
            cursor.execute(f"SET tcp_keepalives_{option} = {value}")
        is_locked = cursor.execute(f"SELECT pg_try_advisory_lock({key})").fetchone()[0]
    connection.commit()
    if not is_locked:
        raise RecordAway(f"{display_address(url)}: another search is writing to run {run_id!r}")


def create_tables(connection: Connection) -> None:
    """Create the tables of a record, and the columns that those of an earlier release lack."""
    METADATA.create_all(connection)
    if_missing = "IF NOT EXISTS " if connection.dialect.name == "postgresql" else ""
    for table in METADATA.sorted_tables:
        present = columns(connection, table)
        for column in table.columns:
            if column not in present:
                kind = column.type.compile(connection.dialect)
                change = f"ADD COLUMN {if_missing}{column.name} {kind}"
                connection.exec_driver_sql(f"ALTER TABLE {table.name} {change}")


def columns(connection: Connection, table: Table) -> list[Column[Any]]:
    """Return the columns of a table, without those that an earlier schema did not have."""
    names = {column["name"] for column in inspect(connection).get_columns(table.name)}
    return [c for c in table.columns if c.name in names or "since" not in c.info]


def rows_of(
    connection: Connection, query: Select[tuple[Any, ...]], address: str
) -> list[RowMapping]:
    """Return the rows of a query; RecordError for more than a run may have."""
    rows = list(connection.execute(query.limit(MOST_CANDIDATES + 1)).mappings())
    if len(rows) > MOST_CANDIDATES:
        raise RecordError(f"{address}: has over {MOST_CANDIDATES:,} candidates")
    return rows


def check_schema_version(version: object, address: str) -> None:
    """Raise RecordError if a later release wrote the run, or the version is not a number."""
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise RecordError(
            f"{address}: has schema version {version!r}, this release reads {SCHEMA_VERSION} "
            "and earlier ones"
        )


def lenient_text(data: bytes) -> str:
    """Return text that may be damaged, which its row's checksum then tells."""
    return data.decode(errors="replace")


def _make_durable(connection: Any, _: object) -> None:
    """Let readers not wait for the writer (WAL), and sync every commit to the disk."""
    connection.text_factory = lenient_text
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _make_durable_shared(connection: Any, _: object) -> None:
    """Keep a rollback journal, and sync every commit and the journal's deletion to the disk."""
    connection.text_factory = lenient_text
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.execute("PRAGMA synchronous=EXTRA")


def sqlite_connection(file: Path, options: str, timeout_s: float = 5.0) -> sqlite3.Connection:
    """Open an existing SQLite file with the options of its URI, such as ``mode=ro``."""
    return sqlite3.connect(f"file:{quote(str(file))}?{options}", uri=True, timeout=timeout_s)


def checkpoint(engine: Engine, is_last: bool = False) -> None:
    """Copy what is in the WAL of an SQLite file into the file, as far as readers allow it.

    The last time, the WAL is emptied too. What cannot be copied stays in the WAL.
    """
    with suppress(SQLAlchemyError), engine.connect() as connection:
        if is_last:
            connection.exec_driver_sql("PRAGMA busy_timeout=1000")  # for readers, in milliseconds
        mode = "TRUNCATE" if is_last else "PASSIVE"
        connection.exec_driver_sql(f"PRAGMA wal_checkpoint({mode})")


def leave_wal(file: Path) -> None:
    """Turn off the WAL of a file, unless a process has it open.

    SQLite cannot read a file in WAL mode without creating files beside it.
    """
    with suppress(sqlite3.Error), closing(sqlite_connection(file, "mode=rw", 0)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


# Part of a database's message: its explanation for the user.
_EXPLANATIONS = {
    "file is not a database": "not a record of this tool",
    "malformed": "the database is damaged",
    "disk is full": "no room left on the disk; what was recorded before is kept",
    "disk I/O error": "writing to the disk failed; what was recorded before is kept",
    "locked": "locked by another process",
    "unable to open": "cannot be opened; does its directory exist?",
    "UNIQUE": "the candidate is already recorded",
    "interrupted": "reading it took too long",
    "no such table": "a database, but not a record of this tool",
    "no such column": "written by another release of this tool",
    "column candidates.": "written by another release of this tool",
}


@contextmanager
def one_line_errors(address: str) -> Iterator[None]:
    """Turn the database's errors into RecordError, in one line that begins with ``address``."""
    try:
        yield
    except UnicodeError as error:  # in the names of tables
        raise RecordError(f"{address}: {_EXPLANATIONS['malformed']}") from error
    except NoSuchTableError as error:
        raise RecordError(f"{address}: {_EXPLANATIONS['no such table']}") from error
    except SQLAlchemyError as error:
        message = str(getattr(error, "orig", None) or error).strip().split("\n")[0]
        explanation = next(
            (text for part, text in _EXPLANATIONS.items() if part.lower() in message.lower()), None
        )
        if "readonly" in message:
            explanation = f"not writable{whose(Path(address))}"
        reason = f"{explanation} ({message})" if explanation else message
        is_away = isinstance(error, OperationalError | InterfaceError)
        raise (RecordAway if is_away else RecordError)(f"{address}: {reason}") from error
