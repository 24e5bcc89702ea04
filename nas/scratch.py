"""Temporary folders that nothing is left of, not even after their process was killed.

This file is also the script of the guard: a process that waits for its parent's end, then kills
what still uses the folder, such as Ray's processes, and deletes it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOCK = ".lock"
_BEING_MADE_S = 60.0  # a younger folder may not be locked yet
_CLEANING_S = 10.0
_RANDOM_CHARACTERS = 8  # which mkdtemp adds to a name


@contextmanager
def scratch_folder(prefix: str, longest_path: int | None = None) -> Iterator[Path]:
    """Create a temporary folder, and delete it at the end, whichever way this process ends.

    Processes that still have files in it open are killed then. Folders of the same prefix that are
    left, for instance because a machine was switched off, are deleted too. The folder's path has at
    most ``longest_path`` bytes if possible: where ``TMPDIR`` is longer, /tmp or /var/tmp is used.

    Raises:
        OSError: no folder can be created.
    """
    parent = _parent(prefix, longest_path)
    _delete_abandoned(parent, prefix)
    path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    guard = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, str(path)],
        stdin=subprocess.PIPE,  # which ends with this process
        start_new_session=True,  # so that Ctrl-C does not end it
    )
    assert guard.stdin is not None
    try:
        with (path / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield path
    finally:
        guard.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            guard.wait(_CLEANING_S)


def _parent(prefix: str, longest_path: int | None) -> Path:
    """Return the first folder for temporary files whose path is short enough."""
    usual = Path(tempfile.gettempdir())
    if longest_path is None:
        return usual
    most = longest_path - len(f"/{prefix}") - _RANDOM_CHARACTERS
    for place in (usual, Path("/tmp"), Path("/var/tmp"), Path("/dev/shm")):
        if len(os.fsencode(place)) <= most and os.access(place, os.W_OK | os.X_OK):
            return place
    return usual


def _delete_abandoned(parent: Path, prefix: str) -> None:
    for path in parent.glob(f"{prefix}*"):
        with suppress(OSError):
            status = path.lstat()
            if status.st_uid != os.getuid() or time.time() - status.st_mtime < _BEING_MADE_S:
                continue
            with (path / _LOCK).open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises if its process lives
                _clean(path)


def _clean(folder: Path) -> None:
    """Kill the processes that use the folder, and delete it."""
    until = time.monotonic() + _CLEANING_S
    while (users := _users(folder)) and time.monotonic() < until:
        for pid in users:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)


def _users(folder: Path) -> list[int]:
    """Return the processes that have a file in the folder open; none where there is no /proc.

    This one and its parent, which may be the process whose folder it is, do not count.
    """
    users = []
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) in (os.getpid(), os.getppid()):
            continue
        with suppress(OSError):
            for link in (process / "fd").iterdir():
                with suppress(OSError):
                    if link.readlink().is_relative_to(folder):
                        users.append(int(process.name))
                        break
    return users


def _guard(folder: Path) -> None:
    """Wait for the end of the parent process, whose pipe is this one's input, and clean up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    _clean(folder)


if __name__ == "__main__":
    _guard(Path(sys.argv[1]))
