"""The processes that work in a folder, as Ray's do in that of their search."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def working_in(folder: Path) -> dict[int, str]:
    """Return the command lines of the processes whose working directory this is, by number."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink() == folder and _lives(process):
                title = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                found[int(process.name)] = title
    return found


def _lives(process: Path) -> bool:
    return (process / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
