"""One process at a time writes to a directory."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nas.errors import UserError


@contextmanager
def sole_writer(directory: Path, what: str) -> Iterator[None]:
    """Holds the directory's lock, which goes with the process, however that ends.

    Raises:
        UserError: no right to write there, or another process holds it: ``what``, such as a search.
    """
    try:
        file = (directory / "lock").open("w")
    except OSError as error:
        raise UserError(f"{directory}: got no right to write ({error.strerror})") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(f"{directory}: another {what} is running in it") from error
        yield
