"""Atomic writing: a file is complete or absent, even if the process is killed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def write_text(path: Path, text: str, mode: int = 0o666) -> Path:
    """Write UTF-8 text with :func:`atomic_file`, whole or not at all; return ``path``."""
    with atomic_file(path, mode) as file:
        file.write(text.encode())
    return path


@contextmanager
def atomic_file(path: Path, mode: int = 0o666) -> Iterator[IO[bytes]]:
    """Open a temporary file beside ``path``, and move it to ``path`` once it is written.

    The file is synced to the disk before the move. After an error the temporary file is removed and
    ``path`` is unchanged. ``mode`` are the file's permissions from its first byte, less the umask.

    Raises:
        OSError: no room on the disk, or no permission to write.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)


def sync(path: Path) -> None:
    """Sync a file or a directory to the disk; a power cut could undo moves in a directory."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
