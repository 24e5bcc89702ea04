"""Run directories as what the dashboard and the report show."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from nas.errors import UserError
from nas.search.run_directory import open_run
from results.dashboard.benches import NoBench, read_benches
from results.dashboard.live_run import Place
from results.dashboard.source import NoRun, Source


def source_of(run: Path) -> Source:
    """A RUN to show; one that holds nothing yet may do so later.

    Raises:
        UserError: there is no such directory.
    """
    if not run.is_dir():
        open_run(run)  # says what there is instead
    return Source(run, partial(_locate, run))


def bench_rows(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """The networks of ``--bench``; UserError for a file that holds none."""
    try:
        return [row for path in paths for row in read_benches(path)]
    except NoBench as error:
        raise UserError(f"--bench: {error}") from error


def _locate(path: Path) -> Place:
    try:
        run = open_run(path)
    except UserError as error:
        raise NoRun(str(error)) from error
    if not isinstance(run.run_id, str) or not isinstance(run.storage, str | None):
        raise NoRun(f"{path}: its run.json was written by something else")
    return Place(run.url, run.run_id)
