"""Ray's chatter goes to a log, ours stays on the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO


@contextmanager
def chatter_to(log: Path, keep_stderr: bool = False) -> Iterator[TextIO]:
    """Sends all that this process and its children print to ``log``; yields the real stdout.

    Or the real stderr, with ``keep_stderr``.

    The file descriptors themselves move, since Ray's C++ code does not know ``sys.stdout``.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    own = [os.dup(descriptor) for descriptor in (1, 2)]
    with log.open("ab") as file:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
    terminal = os.fdopen(
        os.dup(own[1 if keep_stderr else 0]), "w", buffering=1, encoding="utf-8", errors="replace"
    )
    try:
        yield terminal
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, saved in zip((1, 2), own, strict=True):
            os.dup2(saved, descriptor)
            os.close(saved)
        with suppress(OSError):  # its reader may be gone
            terminal.close()
