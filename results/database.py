"""The record's database: its tables, the connection to it, and its errors in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    BigInteger,
    Boolean,
    Column,
    Double,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

SCHEMA_VERSION = 1

METADATA = MetaData()

RUNS = Table(
    "runs",
    METADATA,
    Column("run_id", String(200), primary_key=True),
    Column("schema_version", Integer, nullable=False),
    Column("created_at", Double, nullable=False),  # Unix seconds
    Column("settings", Text, nullable=False),  # JSON
)

CANDIDATES = Table(
    "candidates",
    METADATA,
    Column("run_id", String(200), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("state", String(20), nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("cause", Text),
    Column("detail", Text),
    Column("accuracy", Double),
    Column("parameters", BigInteger),
    Column("multiply_adds", BigInteger),
    Column("reference_parameters", BigInteger),
    Column("peak_memory_bytes", BigInteger),
    Column("device", Text),  # null: the training step was not timed
    Column("timed_image_size", Integer),
    Column("batch_size", Integer),
    Column("micro_batch_size", Integer),
    Column("is_precise", Boolean),
    Column("unsteady", Text),
    Column("inference_time_s", Double),
    Column("image_size", Integer),  # null: the image size of the run
    Column("confirms", Integer),  # number of the candidate that is trained again
    Column("worker", Text),
    Column("started_at", Double),
    Column("finished_at", Double),
    Column("architecture", Text, nullable=False),  # JSON, as is all below
    Column("proposal", Text, nullable=False),
    Column("samples_s", Text),
    Column("reference_samples_s", Text),
    Column("curve", Text, nullable=False),
    Column("phases_s", Text, nullable=False),
    Column("versions", Text, nullable=False),
)


class RecordError(Exception):
    """The record cannot be read or written; the message is one line with its address and why."""


def sqlite_url(file: Path) -> str:
    """Return the URL of a record in a file, such as ``sqlite:///runs/a/record.sqlite``."""
    return URL.create("sqlite", database=str(file)).render_as_string()


def connect(url: str) -> Engine:
    """Return an engine for SQLite or PostgreSQL, which connects at its first use.

    Every commit to SQLite is on the disk when it returns.

    Raises:
        RecordError: not a URL, an unknown database, or its driver is not installed.
    """
    try:
        parsed = make_url(url)
        if parsed.drivername == "postgresql":  # SQLAlchemy before 2.1 would use psycopg2
            parsed = parsed.set(drivername="postgresql+psycopg")
        engine = create_engine(parsed)
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError) as error:
        raise RecordError(f"{url.split('@')[-1]}: {str(error).splitlines()[0]}") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _make_durable)
    return engine


def sqlite_file(url: str) -> Path | None:
    """Return the file of an SQLite URL; None for a server or a database in memory."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    return Path(str(parsed.database))


def display_address(url: URL) -> str:
    """Return the address that messages show: a file's path, or the URL without its password."""
    if url.get_backend_name() == "sqlite" and url.database:
        return url.database
    return url.render_as_string(hide_password=True)


def check_schema_version(version: object, address: str) -> None:
    """Raise RecordError if a later release wrote the run, or the version is not a number."""
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise RecordError(
            f"{address}: has schema version {version!r}, this release reads {SCHEMA_VERSION} "
            "and earlier ones"
        )


def _make_durable(connection: Any, _: object) -> None:
    """Let readers not wait for the writer (WAL), and sync every commit to the disk."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


# Part of a database's message: its explanation for the user.
_EXPLANATIONS = {
    "file is not a database": "not a record of this tool",
    "malformed": "the database is damaged",
    "disk is full": "no room left on the disk; what was recorded before is kept",
    "disk I/O error": "writing to the disk failed; what was recorded before is kept",
    "locked": "locked by another process",
    "unable to open": "cannot be opened; does its directory exist?",
    "readonly": "not writable",
    "UNIQUE": "the candidate is already recorded",
    "no such table": "a database, but not a record of this tool",
}


@contextmanager
def one_line_errors(address: str) -> Iterator[None]:
    """Turn the database's errors into RecordError, in one line that begins with ``address``."""
    try:
        yield
    except SQLAlchemyError as error:
        message = str(getattr(error, "orig", None) or error).strip().split("\n")[0]
        explanation = next(
            (text for part, text in _EXPLANATIONS.items() if part.lower() in message.lower()), None
        )
        reason = f"{explanation} ({message})" if explanation else message
        raise RecordError(f"{address}: {reason}") from error
