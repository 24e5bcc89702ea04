"""Where decoded images are kept, how much room they may take, and who has to go."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from nas.data.cache.entry import META, remove_unless_in_use, size_bytes, used_at
from nas.errors import UserError

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


MAKING = ".making"  # ends the name of what is not complete


@dataclass(frozen=True)
class CacheDirectory:
    """A directory of entries and the ``limit_bytes`` of all of them together."""

    path: Path
    limit_bytes: int

    def entries(self) -> list[Path]:
        """The complete ones, the last used first."""
        paths = [meta.parent for meta in self.path.glob(f"*/{META}")]
        return sorted((p for p in paths if p.suffix != MAKING), key=used_at, reverse=True)

    def sweep(self) -> None:
        """Deletes what makers left behind that were killed."""
        for draft in self.path.glob(f"*{MAKING}"):
            sweep(draft)

    def size_bytes(self) -> int:
        """What all of it takes on the disk, what is being made included."""
        return sum(size_bytes(path) for path in self.path.iterdir() if path.is_dir())

    def make_room(self, wanted_bytes: int) -> None:
        """Deletes the least recently used entries, none in use or another user's, until so much
        fits.

        Raises:
            UserError: it does not fit into the limit or onto the disk.
        """
        if wanted_bytes > self.limit_bytes:
            raise UserError(
                f"NAS_CACHE_LIMIT: got {in_units(self.limit_bytes)}, must be "
                f"{in_units(wanted_bytes)} or more for these images at this size"
            )
        for path in self._to_evict(wanted_bytes):
            with suppress(PermissionError):  # another user's
                remove_unless_in_use(path)
        free = shutil.disk_usage(self.path).free
        if free < wanted_bytes:
            raise no_room(self.path, wanted_bytes, f"{in_units(free)} are free")
        total = self.size_bytes()
        if total + wanted_bytes > self.limit_bytes:
            raise UserError(
                f"NAS_CACHE_LIMIT: got {in_units(self.limit_bytes)}, of which "
                f"{in_units(total)} are in use or another user's, must be "
                f"{in_units(total + wanted_bytes)} or more"
            )

    def _to_evict(self, wanted_bytes: int) -> Iterator[Path]:
        """The least recently used first, for as long as there is no room."""
        for path in reversed(self.entries()):
            fits_limit = self.size_bytes() + wanted_bytes <= self.limit_bytes
            if fits_limit and shutil.disk_usage(self.path).free >= wanted_bytes:
                return
            yield path


def cache_directory() -> CacheDirectory:
    """NAS_CACHE_DIR, or nas/ in XDG_CACHE_HOME, by default ~/.cache; made if it is not there.

    Its limit is NAS_CACHE_LIMIT, such as 500GB, by default half of the disk that it is on.

    Raises:
        UserError: it cannot be made, or the limit is no size.
    """
    own = os.environ.get("NAS_CACHE_DIR")
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    path = Path(own or Path(home) / "nas").expanduser().absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
        limit = os.environ.get("NAS_CACHE_LIMIT")
        return CacheDirectory(path, _bytes(limit) if limit else shutil.disk_usage(path).total // 2)
    except (OSError, RuntimeError) as error:  # RuntimeError: no home directory
        raise UserError(
            f"NAS_CACHE_DIR: got {path}, must be a folder that can be written ({error})"
        ) from error


def no_room(path: Path, wanted_bytes: int, reason: str) -> UserError:
    """The error of a full disk."""
    return UserError(
        f"NAS_CACHE_DIR: {path}: the decoded images take {in_units(wanted_bytes)}, but {reason}; "
        "must have the room, so free some, or set NAS_CACHE_DIR to a folder on another disk",
        exit_code=1,
    )


def in_units(count: int) -> str:
    """Bytes in three digits: 1.54 GB."""
    for scale, unit in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count} B"


def _bytes(text: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)b?", text.strip().lower())
    if match is None:
        raise UserError(f"NAS_CACHE_LIMIT: got {text!r}, must be a size such as 500GB")
    return round(float(match[1]) * _UNITS[match[2]])


_LOCK = "lock"


@contextmanager
def maker_lock(draft: Path, on_wait: Callable[[], None]) -> Iterator[bool]:
    """Holds the directory ``draft``, made and empty but for its lock; or False after a wait.

    Whoever held it before has then moved it to its place, or failed. The directory is deleted at
    the end, unless it was moved.
    """
    with _opened(draft) as file:
        has_waited = False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            has_waited = True
            fcntl.flock(file, fcntl.LOCK_EX)
        if has_waited or not _is_current(file, draft):
            yield False
            return
        try:
            _empty(draft)
            yield True
        finally:
            if _is_current(file, draft):
                shutil.rmtree(draft, ignore_errors=True)


def sweep(draft: Path) -> None:
    """Deletes what a maker left behind that was killed; one at work keeps its own."""
    try:
        with (draft / _LOCK).open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(draft, ignore_errors=True)
    except FileNotFoundError:  # killed before it had a lock
        with suppress(OSError):
            draft.rmdir()
    except OSError:  # at work, done meanwhile, or another user's
        return


def _opened(draft: Path) -> TextIO:
    while True:
        draft.mkdir(exist_ok=True)
        try:
            return (draft / _LOCK).open("a")
        except FileNotFoundError:  # moved or deleted in between
            continue


def _is_current(file: TextIO, draft: Path) -> bool:
    """Whether the lock is still the one in the directory."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), (draft / _LOCK).stat())
    except FileNotFoundError:
        return False


def _empty(draft: Path) -> None:
    for file in draft.iterdir():
        if file.name != _LOCK:
            file.unlink()
