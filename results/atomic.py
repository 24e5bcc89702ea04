"""Files that are whole or absent, whenever the process dies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def write_text(path: Path, text: str, mode: int = 0o666) -> Path:
    """Writes UTF-8, whole or not at all, as :func:`atomic_file`; returns ``path``."""
    with atomic_file(path, mode) as file:
        file.write(text.encode())
    return path


@contextmanager
def atomic_file(path: Path, mode: int = 0o666) -> Iterator[IO[bytes]]:
    """A file beside ``path`` that is synced and moved there once it is written, and else is gone.

    ``mode`` is the file's from its first byte, less the umask.

    Raises:
        OSError: no room or no right to write; what was at ``path`` is left as it was.
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
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    """Without this the move itself could be lost in a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
