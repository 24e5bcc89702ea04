"""A run's directory: where its record is, and the lock that one search at a time holds."""

from __future__ import annotations

import fcntl
import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.exc import ArgumentError

from nas.errors import UserError
from results.atomic import write_text
from results.dashboard.source import NoRun, Place, Source
from results.database import RecordError, sqlite_file, sqlite_url
from results.record import Record

_FILE = "run.json"


_RECORD = "record.sqlite"


SCHEMA_VERSION = 1


@dataclass(frozen=True)
class RunDirectory:
    """``path`` holds run.json, the record unless it is elsewhere, and what a search leaves."""

    path: Path
    run_id: str
    storage: str | None  # a database's URL; None for the directory's own SQLite file

    @property
    def url(self) -> str:
        """The record's database."""
        return self.storage or sqlite_url(self.path.absolute() / _RECORD)

    def create_record(self, settings: Mapping[str, Any]) -> Record:
        """Begins the run: its record first, then run.json, with which it counts as begun.

        Raises:
            RecordError: no record can be made; the directory is taken back.
        """
        try:
            record = Record.open(self.url, self.run_id)
            record.create(settings)
        except RecordError:
            with suppress(OSError):
                self.path.rmdir()
            raise
        content = {"schema_version": SCHEMA_VERSION, "run_id": self.run_id, "storage": self.storage}
        # Of two searches that begin in one directory, the first to link the file has it. It is for
        # nobody else to read: a database's URL may hold a password.
        draft = self.path / f".{_FILE}.{self.run_id}"
        write_text(draft, json.dumps(content, indent=2) + "\n", mode=0o600)
        try:
            (self.path / _FILE).hardlink_to(draft)
        except FileExistsError as error:
            record.close()
            raise UserError(f"--out: {self.path}: another search has begun in it") from error
        finally:
            draft.unlink()
        return record

    def read_record(self) -> Record:
        """The record of this run; RecordError if it is gone or damaged."""
        return Record.read(self.url, self.run_id)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Held while a search writes; it goes with the process, however that ends."""
        with writer_lock(self.path, "search"):
            yield


def create(path: Path | None, storage: str | None) -> RunDirectory:
    """The directory for a new run, by default the day's next free one under runs/.

    Raises:
        UserError: the path is taken, or cannot be made.
    """
    try:
        if path is None:
            path = _make_next(Path("runs"))
        elif path.exists() and not _is_free(path):
            raise UserError(
                f"--out: got {path}, which is there already, must be new or empty "
                f"(to go on with a run: --resume {path})"
            )
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out: got {path}, must be writable ({error.strerror})") from error
    return RunDirectory(path, uuid.uuid4().hex[:12], storage)


def absolute_storage_url(storage: str) -> str:
    """The same database by a URL that holds from any folder.

    Raises:
        UserError: no URL, or a database in memory, which ends with the process.
    """
    may_be = "must be a database's URL, such as postgresql://user@host/name"
    try:
        file = sqlite_file(storage)
    except ArgumentError as error:
        raise UserError(f"--storage: got {storage!r}, {may_be}") from error
    if file is not None:
        return sqlite_url(file.absolute())
    if storage.startswith("sqlite"):
        raise UserError(f"--storage: got {storage!r}, which is in memory, {may_be}")
    return storage


def open_run(path: Path, what: str = "RUN") -> RunDirectory:
    """The directory of a run that exists; ``what`` names the option in the error.

    Raises:
        UserError: no run there.
    """
    try:
        content = json.loads((path / _FILE).read_text(encoding="utf-8"))
        if content["schema_version"] > SCHEMA_VERSION:
            raise UserError(f"{what}: {path} was made by a later release of this tool")
        return RunDirectory(path, content["run_id"], content["storage"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        runs = sorted(str(p.parent) for p in Path("runs").glob(f"*/{_FILE}"))[-5:]
        may_be = f", may be {', '.join(runs)}" if runs else ""
        raise UserError(
            f"{what}: got {path}, must be a run's directory, with a {_FILE}{may_be}"
        ) from error


def open_for_reading(path: Path) -> tuple[RunDirectory, Record]:
    """A run and its record, open for reading; UserError if either is missing or damaged."""
    run = open_run(path)
    try:
        return run, run.read_record()
    except RecordError as error:
        raise UserError(f"RUN: {error}", exit_code=1) from error


def _is_free(path: Path) -> bool:
    """Empty, or left by a search that was killed before it began."""
    ours = (_RECORD, f".{_FILE}", f"..{_FILE}")
    return path.is_dir() and all(p.name.startswith(ours) for p in path.iterdir())


def _make_next(parent: Path) -> Path:
    """The day's next directory, made: of two searches at once each gets its own."""
    parent.mkdir(exist_ok=True)
    day = date.today().isoformat()
    for i in range(1, 10_000):
        path = parent / f"{day}-{i:02d}"
        with suppress(FileExistsError):
            path.mkdir()
            return path
    raise FileExistsError(None, "10,000 runs in a day", str(parent))


def source_of(run: Path) -> Source:
    """A RUN to show; one that holds nothing yet may do so later.

    Raises:
        UserError: there is no such directory.
    """
    if not run.is_dir():
        open_run(run)  # says what there is instead
    return Source(run, partial(_locate, run))


def _locate(path: Path) -> Place:
    try:
        run = open_run(path)
    except UserError as error:
        raise NoRun(str(error)) from error
    if not isinstance(run.run_id, str) or not isinstance(run.storage, str | None):
        raise NoRun(f"{path}: its run.json was written by something else")
    return Place(run.url, run.run_id)


@contextmanager
def writer_lock(directory: Path, what: str) -> Iterator[None]:
    """Holds the directory's lock, which goes with the process, however that ends.

    Raises:
        UserError: no right to write there, or another process holds it: ``what``, such as a search.
    """
    try:
        file = (directory / "lock").open("w")
    except OSError as error:
        raise UserError(f"{directory}: got no right to write ({error.strerror})") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(f"{directory}: another {what} is running in it") from error
        yield
