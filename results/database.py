"""A connection to the record's database, set so that a commit is on the disk when it returns."""

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


def sqlite_url(file: Path) -> str:
    """The URL of a record in a file, such as ``sqlite:///runs/a/record.sqlite``."""
    return URL.create("sqlite", database=str(file)).render_as_string()


def connect(url: str) -> Engine:
    """An engine for SQLite or PostgreSQL; it connects when it is first used.

    Raises:
        RecordError: no URL, no known database, or its driver is not installed.
    """
    try:
        parsed = make_url(url)
        if parsed.drivername == "postgresql":  # before 2.1, SQLAlchemy takes it for psycopg2
            parsed = parsed.set(drivername="postgresql+psycopg")
        engine = create_engine(parsed)
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError) as error:
        raise RecordError(f"{url.split('@')[-1]}: {str(error).splitlines()[0]}") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _make_durable)
    return engine


def sqlite_file(url: str) -> Path | None:
    """The file behind an SQLite URL; None for a server or a database in memory."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    return Path(str(parsed.database))


def address(url: URL) -> str:
    """The database's name for messages: a file's path, or a URL without its password."""
    if url.get_backend_name() == "sqlite" and url.database:
        return url.database
    return url.render_as_string(hide_password=True)


def _make_durable(connection: Any, _: object) -> None:
    """Readers do not wait for the writer (WAL), and every commit is synced to the disk."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


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
    Column("device", Text),  # null where the step was not timed
    Column("timed_image_size", Integer),
    Column("batch_size", Integer),
    Column("micro_batch_size", Integer),
    Column("is_precise", Boolean),
    Column("unsteady", Text),
    Column("inference_time_s", Double),
    Column("image_size", Integer),  # null where it is the run's
    Column("confirms", Integer),  # the candidate that is trained again
    Column("worker", Text),
    Column("started_at", Double),
    Column("finished_at", Double),
    Column("architecture", Text, nullable=False),  # the rest is JSON
    Column("proposal", Text, nullable=False),
    Column("samples_s", Text),
    Column("reference_samples_s", Text),
    Column("curve", Text, nullable=False),
    Column("phases_s", Text, nullable=False),
    Column("versions", Text, nullable=False),
)


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
