"""Whether a search is running in a directory, told without touching its lock."""

from __future__ import annotations

from pathlib import Path

_LOCKS = Path("/proc/locks")  # Linux; proc_locks(5)


def is_searching(run: Path) -> bool | None:
    """True if a process of this machine holds the run's lock; None where that cannot be told.

    Taking the lock to try it could turn away a search that begins at that moment.
    """
    try:
        inode = (run / "lock").stat().st_ino
    except OSError:
        return False
    try:
        lines = _LOCKS.read_text().splitlines()
    except OSError:
        return None
    fields = (line.split() for line in lines)
    return any(
        "FLOCK" in f and f[-3].rpartition(":")[2] == str(inode) for f in fields if len(f) > 3
    )
