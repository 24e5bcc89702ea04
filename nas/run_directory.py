"""The directory of a run: run.json, the record, and the lock of the search that writes to it."""

from __future__ import annotations

import fcntl
import json
import platform
import shutil
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
from results.control import Requests
from results.dashboard.live_run import RecordLocation
from results.dashboard.source import RunNotFound, Source
from results.database import RecordError
from results.database_url import has_password, masked, sqlite_file, sqlite_url
from results.file_system import whose
from results.record import Record
from search_space.bounds import MOST_TEXT, read_json, text

SCHEMA_VERSION = 1

_RUN_FILE = "run.json"
_RECORD_FILE = "record.sqlite"


@dataclass(frozen=True)
class RunDirectory:
    """A run's directory, which holds run.json, the results and, by default, the record."""

    path: Path
    run_id: str
    storage: str | None  # a database URL; None for an SQLite file in the directory
    was_there: bool = False  # the directory, empty, before the run was created

    @property
    def url(self) -> str:
        """The URL of the record's database."""
        return self.storage or sqlite_url(self.path.absolute() / _RECORD_FILE)

    @property
    def spool(self) -> Path:
        """The file for finished candidates while the record is away."""
        return self.path / "unrecorded.jsonl"

    def create_record(self, settings: Mapping[str, Any]) -> Record:
        """Create the record and then run.json, which marks the run as begun.

        Raises:
            RecordError: the record cannot be created; the directory is then removed.
            UserError: another search has begun in the directory, or nothing can be written there.
        """
        try:
            record = Record.open(self.url, self.run_id)
            record.create(settings)
        except RecordError:
            self._remove_unless_begun()
            raise
        content = {"schema_version": SCHEMA_VERSION, "run_id": self.run_id, "storage": self.storage}
        # If two searches begin in one directory, the first to link the file gets it.
        draft = self.path / f".{_RUN_FILE}.{self.run_id}"
        mode = 0o600 if self.storage and has_password(self.storage) else 0o666
        try:
            write_text(draft, json.dumps(content, indent=2) + "\n", mode)
            (self.path / _RUN_FILE).hardlink_to(draft)
        except FileExistsError as error:
            record.close()
            raise UserError(f"--out: {self.path}: another search has begun in it") from error
        except OSError as error:
            record.close()
            self._remove_unless_begun()
            raise UserError(f"{self.path}: cannot write there ({_reason(error)})", 1) from error
        finally:
            draft.unlink(missing_ok=True)
        return record

    def _remove_unless_begun(self) -> None:
        """Remove what a full disk has left of a record, and the directory."""
        with suppress(OSError):
            if not (self.path / _RUN_FILE).exists():
                for file in self.path.glob(f"{_RECORD_FILE}*"):
                    file.unlink()
            if not self.was_there:
                self.path.rmdir()

    def remove(self, record: Record) -> None:
        """Remove a run that was just created, with all that is in its directory and its record.

        Raises:
            RecordError: the database cannot be reached.
        """
        record.remove()
        remove_new(self.path, self.was_there)

    def read_record(self) -> Record:
        """Open the record for reading alone; raise RecordError if it is missing or damaged."""
        return Record.read(self.url, self.run_id)

    def reopen_record(self) -> Record:
        """Open the record to go on with it; raise RecordError if it is missing or damaged."""
        return Record.reopen(self.url, self.run_id)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run's lock while a search writes; see :func:`writer_lock`.

        A request to stop is for the search that holds it, so none is there before and after.
        """
        requests = Requests(self.path)
        with writer_lock(self.path, "search"):
            requests.forget_stop()
            try:
                yield
            finally:
                requests.forget_stop()


def create_run(path: Path | None, storage: str | None, option: str = "--out") -> RunDirectory:
    """Create the directory of a new run, by default the day's next free one under runs/.

    Error messages name ``option``.

    Raises:
        UserError: the path exists and is not empty, or cannot be created.
    """
    try:
        was_there = path is not None and path.exists()
        if path is None:
            path = _make_next(Path("runs"))
        elif path.exists() and not _is_free(path):
            raise UserError(
                f"{option}: got {path}, which is there already, must be new or empty "
                f"(to go on with a run: --resume {path})"
            )
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{option}: got {path or Path('runs')}, must be writable ({_reason(error)})"
        ) from error
    return RunDirectory(path, uuid.uuid4().hex[:12], storage, was_there)


def _is_free(path: Path) -> bool:
    """Return whether a directory is empty or left by a search that was killed at its start."""
    ours = (_RECORD_FILE, f".{_RUN_FILE}", f"..{_RUN_FILE}")
    return path.is_dir() and all(p.name.startswith(ours) for p in path.iterdir())


def _make_next(parent: Path) -> Path:
    """Create the day's next directory; two searches at the same time get different ones."""
    parent.mkdir(exist_ok=True)
    day = date.today().isoformat()
    for i in range(1, 10_000):
        path = parent / f"{day}-{i:02d}"
        with suppress(FileExistsError):
            path.mkdir()
            return path
    raise FileExistsError(None, "10,000 runs in a day", str(parent))


def _reason(error: OSError) -> str:
    """Return why a file or folder cannot be used, and whose it is if that is the cause."""
    is_denied = isinstance(error, PermissionError) and error.filename
    return f"{error.strerror}{whose(Path(error.filename)) if is_denied else ''}"


def absolute_storage_url(storage: str) -> str:
    """Return the URL of the same database with an absolute path.

    Raises:
        UserError: not a URL, or a database in memory, which would be lost with the process.
    """
    may_be = "must be a database's URL, such as postgresql://user@host/name"
    try:
        file = sqlite_file(storage)
    except ArgumentError as error:
        raise UserError(f"--storage: got {masked(storage)!r}, {may_be}") from error
    if file is not None:
        return sqlite_url(file.absolute())
    if storage.startswith("sqlite"):
        raise UserError(f"--storage: got {storage!r}, which is in memory, {may_be}")
    return storage


def open_run(path: Path, what: str = "RUN") -> RunDirectory:
    """Open the directory of an existing run; error messages name ``what``, the option.

    Raises:
        UserError: ``path`` holds no run, or one of a later release.
    """
    try:
        content = read_json(path / _RUN_FILE)
        if content["schema_version"] > SCHEMA_VERSION:
            raise UserError(f"{what}: {path} was made by a later release of this tool")
        storage = content["storage"]
        return RunDirectory(
            path,
            text("run_id", content["run_id"]),
            None if storage is None else text("storage", storage, MOST_TEXT),
        )
    except PermissionError as error:
        raise UserError(
            f"{what}: got {path}, whose {_RUN_FILE} must be readable ({_reason(error)})"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        runs = sorted(str(p.parent) for p in Path("runs").glob(f"*/{_RUN_FILE}"))[-5:]
        may_be = f", may be {', '.join(runs)}" if runs else ""
        raise UserError(
            f"{what}: got {path}, must be a run's directory, with a {_RUN_FILE}{may_be}"
        ) from error


def open_for_reading(path: Path, argument: str = "RUN") -> tuple[RunDirectory, Record]:
    """Open a run and its record for reading.

    Raises:
        UserError: one is missing or damaged; it names the ``argument``.
    """
    run = open_run(path, argument)
    try:
        return run, run.read_record()
    except RecordError as error:
        raise UserError(f"{argument}: {error}", exit_code=1) from error


def dashboard_source(run: Path) -> Source:
    """Return a dashboard source for a run's directory, in which the run may begin later.

    Raises:
        UserError: there is no such directory.
    """
    try:
        is_directory = run.is_dir()
    except PermissionError:
        is_directory = False
    if not is_directory:
        open_run(run)  # raises an error that lists the runs there are, or names the owner
    return Source(run, partial(_locate, run))


def _locate(path: Path) -> RecordLocation:
    """Return where the run's record is; raise NoRun if there is none yet."""
    try:
        run = open_run(path)
    except UserError as error:
        raise RunNotFound(str(error)) from error
    return RecordLocation(run.url, run.run_id)


def remove_new(directory: Path, was_there: bool) -> None:
    """Remove what is in a directory that was begun, and the directory unless it was there."""
    for file in directory.iterdir():
        if file.is_dir() and not file.is_symlink():
            shutil.rmtree(file)
        else:
            file.unlink()
    if not was_there:
        directory.rmdir()


@contextmanager
def writer_lock(directory: Path, what: str) -> Iterator[None]:
    """Hold the lock of a directory; the operating system releases it if the process is killed.

    The file holds the name of this machine, since a lock is seen on its own machine only.
    ``what`` names the kind of writer in the error, such as "search".

    Raises:
        UserError: the directory is not writable, or another process holds the lock.
    """
    try:
        file = (directory / "lock").open("a")
    except OSError as error:
        raise UserError(f"{directory}: cannot write there ({_reason(error)})") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(f"{directory}: another {what} is running in it") from error
        file.truncate(0)
        file.write(f"{platform.node()}\n")
        file.flush()
        for leftover in directory.glob(".*.tmp"):  # of a process that was killed
            leftover.unlink(missing_ok=True)
        yield
