"""What the tests of a search's parts share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from results.database_url import sqlite_url
from results.record import Record


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    """An empty run."""
    with Record.open(sqlite_url(tmp_path / "record.sqlite"), "run") as record:
        record.create({})
        yield record
