"""The directory of decoded images: where it is, its size limit, eviction and locks."""

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

from nas.data.cache.entry import (
    META,
    Entry,
    remove_unless_in_use,
    size_bytes,
    used_at,
)
from nas.errors import UserError
from results.file_system import owner, whose

MAKING = ".making"  # suffix of the directory of an incomplete entry, called a draft
LOCK = "lock"  # file in a draft that its maker keeps locked
Find = Callable[[Path], Entry | None]
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


@dataclass(frozen=True)
class CacheDirectory:
    """A directory of cache entries, which together may take ``limit_bytes``."""

    path: Path
    limit_bytes: int

    def entries(self) -> list[Path]:
        """Return the directories of all complete entries, the last used first."""
        paths = [meta.parent for meta in self.path.glob(f"*/{META}")]
        return sorted((p for p in paths if p.suffix != MAKING), key=used_at, reverse=True)

    def entry(
        self, name: str, find: Find, make: Callable[[Path], None], on_wait: Callable[[Path], None]
    ) -> Entry:
        """Return the entry of this name that ``find`` opens at a path.

        If it finds none, ``make`` fills a draft's directory. All users share an entry. If its place
        is taken by files of another user that cannot be used, this user gets an entry of their own.
        If another process is making the entry, ``on_wait`` is called with the draft, and this
        process waits.

        Raises:
            OSError: no room or no permission to write.
            UserError: raised by ``make``.
        """
        if (entry := self.found(name, find)) is not None:
            return entry
        try:
            return _found_or_made(self.path / name, find, make, on_wait)
        except Occupied:
            return _found_or_made(self._own(name), find, make, on_wait)

    def found(self, name: str, find: Find) -> Entry | None:
        """Return the entry of this name that ``find`` opens at a path; None if there is none."""
        own = find(self._own(name))
        return own or find(self.path / name)

    def _own(self, name: str) -> Path:
        """Return the path of an entry of this user's own."""
        return self.path / f"{name}.{os.geteuid()}"

    def sweep(self) -> None:
        """Delete the drafts of processes that were killed."""
        for draft in self.path.glob(f"*{MAKING}"):
            sweep(draft)

    def size_bytes(self) -> int:
        """Return the space on the disk that all entries and drafts take."""
        return sum(size_bytes(path) for path in self.path.iterdir() if path.is_dir())

    def make_room(self, wanted_bytes: int, remedy: str = "") -> None:
        """Delete the least recently used entries until ``wanted_bytes`` fit.

        Entries in use and those of other users are kept. ``remedy`` is what else would help, such
        as ``a smaller --image-size``.

        Raises:
            UserError: the limit or the disk is too small.
        """
        if wanted_bytes > self.limit_bytes:
            raise UserError(
                f"NAS_CACHE_LIMIT: got {in_units(self.limit_bytes)}, must be "
                f"{in_units(wanted_bytes)} or more for these images at this size{_or(remedy)}"
            )
        for path in self._to_evict(wanted_bytes):
            with suppress(PermissionError):  # another user's
                remove_unless_in_use(path)
        free_bytes = shutil.disk_usage(self.path).free
        if free_bytes < wanted_bytes:
            reason = f"{in_units(free_bytes)} are free"
            raise no_room(self.path, wanted_bytes, reason, remedy)
        total_bytes = self.size_bytes()
        if total_bytes + wanted_bytes > self.limit_bytes:
            raise UserError(
                f"NAS_CACHE_LIMIT: got {in_units(self.limit_bytes)}, of which "
                f"{in_units(total_bytes)} are in use{self._others()}, must be "
                f"{in_units(total_bytes + wanted_bytes)} or more{_or(remedy)}"
            )

    def _others(self) -> str:
        """Return the names of the other users who have entries here, for the error above."""
        names = {owner(path) for path in self.path.iterdir() if path.is_dir() and whose(path)}
        return f" or belong to {', '.join(sorted(names))}" if names else ""

    def _to_evict(self, wanted_bytes: int) -> Iterator[Path]:
        """Yield the least recently used entry for as long as there is too little room."""
        for path in reversed(self.entries()):
            fits_limit = self.size_bytes() + wanted_bytes <= self.limit_bytes
            if fits_limit and shutil.disk_usage(self.path).free >= wanted_bytes:
                return
            yield path


def cache_directory() -> CacheDirectory:
    """Return the cache directory, which is created if it is missing.

    It is ``$NAS_CACHE_DIR``, else ``$XDG_CACHE_HOME/nas``, else ``~/.cache/nas``. Its limit is
    ``$NAS_CACHE_LIMIT``, such as 500GB, and half of the disk by default.

    Raises:
        UserError: the directory cannot be created, or the limit is not a size.
    """
    chosen = os.environ.get("NAS_CACHE_DIR")
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    path = Path(chosen or Path(home) / "nas").expanduser().absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
        limit = os.environ.get("NAS_CACHE_LIMIT")
        return CacheDirectory(path, _bytes(limit) if limit else shutil.disk_usage(path).total // 2)
    except (OSError, RuntimeError) as error:  # RuntimeError: no home directory
        raise not_writable(path, error) from error


def not_writable(path: Path, error: Exception, exit_code: int = 2) -> UserError:
    """Return the error for a cache directory that cannot be used, with its owner."""
    reason = f"{error}{whose(path) if isinstance(error, PermissionError) else ''}"
    return UserError(
        f"NAS_CACHE_DIR: got {path}, must be a writable folder ({reason})", exit_code=exit_code
    )


def no_room(path: Path, wanted_bytes: int, reason: str, remedy: str = "") -> UserError:
    """Return the error for a full disk."""
    return UserError(
        f"NAS_CACHE_DIR: {path}: the decoded images need {in_units(wanted_bytes)}, but {reason}; "
        f"free some space, or set NAS_CACHE_DIR to a folder on a larger disk{_or(remedy)}",
        exit_code=1,
    )


def _or(remedy: str) -> str:
    return f", or {remedy}" if remedy else ""


def in_units(count: int) -> str:
    """Format a number of bytes with three digits, such as 1.54 GB."""
    for scale, unit in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count} B"


def _bytes(text: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)b?", text.strip().lower())
    if match is None:
        raise UserError(f"NAS_CACHE_LIMIT: got {text!r}, must be a size such as 500GB")
    return round(float(match[1]) * _UNITS[match[2]])


# Drafts.


class Occupied(OSError):
    """Files of another user are in the way, which cannot be used, deleted, or waited for."""


def _found_or_made(
    path: Path, find: Find, make: Callable[[Path], None], on_wait: Callable[[Path], None]
) -> Entry:
    draft = path.with_name(path.name + MAKING)
    while (entry := find(path)) is None:
        with maker_lock(draft, on_wait) as is_ours:
            if is_ours and find(path) is None:
                _delete(path)  # damaged, or the rest of one whose deletion was cut short
                make(draft)
                draft.replace(path)
                (path / LOCK).unlink()
    return entry


@contextmanager
def maker_lock(draft: Path, on_wait: Callable[[Path], None]) -> Iterator[bool]:
    """Create the directory ``draft``, empty but for its lock, and hold it; yield True.

    Yield False if it has to be tried again: another process held the draft, for which this one has
    waited, and has moved it to its place, or failed; or the draft was left by a killed process, and
    is now deleted. A draft that was not moved is deleted at the end.

    Raises:
        Occupied: another user's process was killed, and its draft cannot be deleted.
    """
    file, is_new = _open_lock(draft)
    with file:
        has_waited = _wait_for(file, draft, on_wait)
        if has_waited or not _is_current(file, draft):
            yield False
        elif not is_new:
            _delete(draft)
            yield False
        else:
            try:
                yield True
            finally:
                if _is_current(file, draft):
                    shutil.rmtree(draft, ignore_errors=True)


def sweep(draft: Path) -> None:
    """Delete the draft of a process that was killed; keep one that is being made."""
    try:
        with (draft / LOCK).open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(draft, ignore_errors=True)
    except FileNotFoundError:  # killed before it had a lock
        with suppress(OSError):
            draft.rmdir()
    except OSError:  # being made, finished in the meantime, or another user's
        return


def _open_lock(draft: Path) -> tuple[TextIO, bool]:
    """Return the open lock of a draft, and whether the draft is new, for which it is created."""
    while True:
        try:
            draft.mkdir()
            is_new = True
        except FileExistsError:
            is_new = False
        try:
            return (draft / LOCK).open("a"), is_new
        except FileNotFoundError:  # moved or deleted in between
            continue
        except PermissionError:  # another user's
            if draft.exists():
                return _open_lock_of_another(draft), False


def _open_lock_of_another(draft: Path) -> TextIO:
    try:
        return (draft / LOCK).open("r")
    except OSError as error:
        raise Occupied(f"{draft}{whose(draft)}") from error


def _wait_for(file: TextIO, draft: Path, on_wait: Callable[[Path], None]) -> bool:
    """Lock a draft; return whether another process had to be waited for."""
    # NFS: an exclusive lock needs write access.
    lock = fcntl.LOCK_EX if file.writable() else fcntl.LOCK_SH
    try:
        fcntl.flock(file, lock | fcntl.LOCK_NB)
    except BlockingIOError:
        on_wait(draft)
        fcntl.flock(file, lock)
        return True
    return False


def _delete(path: Path) -> None:
    """Delete the files of an entry or draft, if any; raise Occupied if they are another user's."""
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        raise Occupied(f"{path} cannot be deleted{whose(path)}")


def _is_current(file: TextIO, draft: Path) -> bool:
    """Return whether the open lock file is still the one in the directory."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), (draft / LOCK).stat())
    except FileNotFoundError:
        return False
