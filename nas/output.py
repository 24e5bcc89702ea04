"""A command's output while it works: the progress goes to the user, Ray's own into a log."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TextIO


class _Steady(io.TextIOWrapper):
    """A stream of lines that leaves out what cannot be written: a full disk, a closed terminal.

    Hours of work do not end for want of a line of progress. Only the end of a pipe's reader is an
    error, as for others (``| head``).
    """

    def __init__(self, stream: IO[bytes], encoding: str) -> None:
        super().__init__(stream, encoding=encoding, errors="replace", line_buffering=True)

    def write(self, text: str, /) -> int:
        """Write a text, if possible."""
        with _failures_suppressed():
            super().write(text)
        return len(text)

    def flush(self) -> None:
        """Write what waits, if possible."""
        with _failures_suppressed():
            super().flush()


@contextmanager
def _failures_suppressed() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError:
        pass


@contextmanager
def steady_output(to_stderr: bool = False) -> Iterator[TextIO]:
    """Yield a stream to stdout, or to stderr, that leaves out lines that cannot be written."""
    stream = sys.stderr if to_stderr else sys.stdout
    stream.flush()
    if stream not in (sys.__stdout__, sys.__stderr__):  # a notebook's
        yield stream
        return
    with _steady(os.dup(2 if to_stderr else 1), stream) as terminal:
        yield terminal


def text_width() -> int:
    """Return the columns that running text may take: those of the terminal, at most 80."""
    return min(80, max(20, shutil.get_terminal_size().columns))


@contextmanager
def redirect_output(log: Path, keep_stderr: bool = False) -> Iterator[TextIO]:
    """Redirect all output of this process and its children to ``log``; yield the real stdout.

    With ``keep_stderr``, the real stderr is yielded instead. A stream that Python's own code has
    replaced, such as a notebook's, is yielded as it is. Lines that cannot be written are left out.
    The file descriptors themselves are redirected, since Ray's C++ code does not
    write through ``sys.stdout``.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    originals = [os.dup(descriptor) for descriptor in (1, 2)]
    with log.open("ab") as file:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
    shown = sys.stderr if keep_stderr else sys.stdout
    try:
        if shown not in (sys.__stdout__, sys.__stderr__):
            yield shown
            return
        with _steady(os.dup(originals[1 if keep_stderr else 0]), shown) as terminal:
            yield terminal
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):  # the log's disk may be full
                stream.flush()
        for descriptor, original in zip((1, 2), originals, strict=True):
            os.dup2(original, descriptor)
            os.close(original)


@contextmanager
def _steady(descriptor: int, original: TextIO | None) -> Iterator[TextIO]:
    """Yield a stream to the descriptor, in the original's encoding; it is closed in the end."""
    encoding = original.encoding if original is not None else "utf-8"
    terminal = _Steady(os.fdopen(descriptor, "wb"), encoding)
    try:
        yield terminal
    finally:
        with suppress(OSError):  # the reader may be gone
            terminal.close()
