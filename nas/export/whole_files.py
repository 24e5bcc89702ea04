"""Files of any kind that are whole or absent, whenever the process dies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def whole_files(path: Path) -> Iterator[Path]:
    """Where to write ``path``: in a folder beside it, which may take more files that belong to it.

    All are synced and moved next to ``path`` when the block ends well, ``path`` last; otherwise
    none is. What was there by their names is replaced.

    Raises:
        OSError: no room or no right to write.
    """
    with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        yield Path(folder) / path.name
        written = sorted(Path(folder).iterdir(), key=lambda file: file.name == path.name)
        for file in written:
            _sync(file)
        for file in written:
            file.replace(path.with_name(file.name))
    _sync(path.parent)  # without this the moves themselves could be lost in a power cut


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
