"""A file for finished candidates that the record cannot take for now, beside the run's record."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from results.candidate import Candidate
from results.rows import from_row, to_row
from results.salvage import DAMAGE

# Room for a hundred candidates or more, taken in advance: a disk that is full has none to give.
_RESERVED_BYTES = 1 << 20


class Spool:
    """Candidates that wait for the record, one in a line of JSON, with its checksum.

    The file has its room from the beginning, filled with zeros, and is removed once it is closed
    without a candidate in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._end = 0  # of the lines
        self._file: int | None = None
        with suppress(OSError):
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        self.clear()

    def append(self, candidate: Candidate) -> bool:
        """Write a candidate and sync it to the disk; return whether there was room for it."""
        line = json.dumps(to_row(candidate)).encode() + b"\n"
        try:
            if self._file is None or os.pwrite(self._file, line, self._end) < len(line):
                return False
            os.fsync(self._file)
        except OSError:
            return False
        self._end += len(line)
        return True

    def clear(self) -> None:
        """Remove all candidates, and take the room for others."""
        self._end = 0
        if self._file is not None:
            with suppress(OSError):
                os.ftruncate(self._file, 0)
                if hasattr(os, "posix_fallocate"):  # not on macOS
                    os.posix_fallocate(self._file, 0, _RESERVED_BYTES)

    def close(self) -> None:
        """Close the file; remove it if no candidate is in it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
            if not self._end:
                self.path.unlink(missing_ok=True)


def read_spool(path: Path) -> Iterator[Candidate]:
    """Return the candidates of a spool; none if there is no file. A line that is torn is left out.

    Raises:
        OSError: the file cannot be read.
    """
    data = path.read_bytes() if path.is_file() else b""
    for line in data.rstrip(b"\0").split(b"\n"):
        with suppress(*DAMAGE):
            yield from_row(json.loads(line))
