"""One maker of a cache entry at a time, whenever and however it dies."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

_LOCK = "lock"


@contextmanager
def sole_maker(draft: Path, on_wait: Callable[[], None]) -> Iterator[bool]:
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
