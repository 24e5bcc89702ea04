"""The record's database: its tables and their rows, the connection, and its errors in one line."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import astuple
from math import isfinite
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    URL,
    BigInteger,
    Boolean,
    Column,
    Double,
    Engine,
    Integer,
    MetaData,
    RowMapping,
    String,
    Table,
    Text,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from results.candidate import Candidate, CurvePoint, State
from results.file_system import is_local, whose
from reward.step_time.measurement import StepTime
from search_space.architecture import Architecture

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


# Fields of a candidate that are columns of the same name.
_SCALAR_FIELDS = (
    "number",
    "seed",
    "cause",
    "accuracy",
    "parameters",
    "multiply_adds",
    "reference_parameters",
    "inference_time_s",
    "image_size",
    "confirms",
    "worker",
    "started_at",
    "finished_at",
)

# Field of a step time: its column.
_STEP_TIME_COLUMNS = {
    "peak_memory_bytes": "peak_memory_bytes",
    "device": "device",
    "image_size": "timed_image_size",
    "batch_size": "batch_size",
    "micro_batch_size": "micro_batch_size",
    "is_precise": "is_precise",
    "unsteady": "unsteady",
}


def to_row(candidate: Candidate) -> dict[str, Any]:
    """Return the candidate as a row, by column; ValueError if a number is not finite."""
    step_time = candidate.step_time
    return {
        **{name: _checked_finite(name, getattr(candidate, name)) for name in _SCALAR_FIELDS},
        "state": candidate.state.value,
        "detail": _one_line(candidate.detail),
        "architecture": to_json_text("architecture", candidate.architecture.to_json()),
        "proposal": to_json_text("proposal", dict(candidate.proposal)),
        **{column: getattr(step_time, name, None) for name, column in _STEP_TIME_COLUMNS.items()},
        "samples_s": step_time and to_json_text("samples_s", step_time.samples_s),
        "reference_samples_s": (
            step_time and to_json_text("reference_samples_s", step_time.reference_samples_s)
        ),
        "curve": to_json_text("curve", [astuple(point) for point in candidate.curve]),
        "phases_s": to_json_text("phases_s", dict(candidate.phases_s)),
        "versions": to_json_text("versions", dict(candidate.versions)),
    }


def from_row(row: RowMapping) -> Candidate:
    """Return the candidate of a row that :func:`to_row` made.

    Raises:
        ValueError, TypeError, KeyError: the row is damaged.
    """
    return Candidate(
        **{name: row[name] for name in _SCALAR_FIELDS},
        state=State(row["state"]),
        detail=row["detail"],
        architecture=Architecture.from_json(json.loads(row["architecture"])),
        step_time=None if row["device"] is None else _step_time(row),
        curve=tuple(CurvePoint(*point) for point in json.loads(row["curve"])),
        proposal=json.loads(row["proposal"]),
        phases_s=json.loads(row["phases_s"]),
        versions=json.loads(row["versions"]),
    )


def to_json_text(name: str, value: object) -> str:
    """Return the value as compact JSON; ValueError with the field's name for NaN or infinity."""
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise ValueError(f"{name}: holds a number that is not finite") from error


def _step_time(row: RowMapping) -> StepTime:
    return StepTime(
        samples_s=tuple(json.loads(row["samples_s"])),
        reference_samples_s=tuple(json.loads(row["reference_samples_s"])),
        **{name: row[column] for name, column in _STEP_TIME_COLUMNS.items()},
    )


def _checked_finite(name: str, value: object) -> object:
    if isinstance(value, float) and not isfinite(value):
        raise ValueError(f"{name}: got {value}, must be a finite number")
    return value


def _one_line(text: str | None) -> str | None:
    """Return text that every database accepts: no line ends, NULs or lone surrogates."""
    if text is None:
        return None
    return " ".join(text.replace("\0", " ").encode(errors="replace").decode().split())


class RecordError(Exception):
    """The record cannot be read or written; the message is one line with its address and why."""


def sqlite_url(file: Path) -> str:
    """Return the URL of a record in a file, such as ``sqlite:///runs/a/record.sqlite``."""
    return URL.create("sqlite", database=str(file)).render_as_string()


def connect(url: str) -> Engine:
    """Return an engine for SQLite or PostgreSQL, which connects at its first use.

    Every commit to SQLite is on the disk when it returns. On a local disk, readers do not wait for
    the writer (WAL). On others, which WAL is not for, SQLite keeps a rollback journal.

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
        file = sqlite_file(url)
        is_shared = file is not None and not is_local(file)
        event.listen(engine, "connect", _make_durable_shared if is_shared else _make_durable)
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


def _make_durable_shared(connection: Any, _: object) -> None:
    """Keep a rollback journal, and sync every commit and the journal's deletion to the disk."""
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.execute("PRAGMA synchronous=EXTRA")


def sqlite_connection(file: Path, options: str, timeout_s: float = 5.0) -> sqlite3.Connection:
    """Open an existing SQLite file with the options of its URI, such as ``mode=ro``."""
    return sqlite3.connect(f"file:{quote(str(file))}?{options}", uri=True, timeout=timeout_s)


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
        if "readonly" in message:
            explanation = f"not writable{whose(Path(address))}"
        reason = f"{explanation} ({message})" if explanation else message
        raise RecordError(f"{address}: {reason}") from error
