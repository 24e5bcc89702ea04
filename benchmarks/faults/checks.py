"""What must hold after a search that was hurt, whatever was done to it."""

from __future__ import annotations

import csv
import json
import os
import signal
import time
from collections.abc import Mapping, Set
from contextlib import suppress
from pathlib import Path

from nas.run_directory import open_for_reading
from results.candidate import EVALUATED, Candidate, State
from tests.processes import working_in


def record(run: Path, budget: int, seen: Set[int], expected: Mapping[int, float]) -> list[str]:
    """Return what is wrong with the run's record and its files.

    ``seen`` are the candidates whose completion was printed. ``expected`` are the accuracies of
    a search that nothing was done to.
    """
    try:
        candidates = _candidates(run)
    except Exception as error:
        return [f"the record cannot be read: {error}"]
    evaluated = [c for c in candidates if c.state in EVALUATED and c.confirms is None]
    complete = {c.number: c.accuracy for c in evaluated}
    wrong = []
    if len(evaluated) != budget:
        wrong.append(f"{len(evaluated)} candidates evaluated, not {budget}")
    if len({c.number for c in candidates}) != len(candidates):
        wrong.append("two candidates of one number")
    if lost := sorted(seen - set(complete)):
        wrong.append(f"lost although they were printed as complete: {lost}")
    if running := [c.number for c in candidates if c.state is State.RUNNING]:
        wrong.append(f"still running in the record: {running}")
    differ = {
        number: (accuracy, expected[number])
        for number, accuracy in complete.items()
        if number in expected and accuracy != expected[number]
    }
    if differ:
        wrong.append(f"accuracies differ from those of a calm search: {differ}")
    return wrong + _files(run, candidates)


def accuracies(run: Path) -> dict[int, float]:
    """Return the accuracy of each complete candidate, by its number."""
    return {
        c.number: c.accuracy
        for c in _candidates(run)
        if c.accuracy is not None and c.confirms is None and c.state is State.COMPLETE
    }


def _candidates(run: Path) -> list[Candidate]:
    _, reader = open_for_reading(run)
    with reader:
        return reader.candidates()


def _files(run: Path, candidates: list[Candidate]) -> list[str]:
    wrong = []
    try:
        json.loads((run / "best.json").read_text())
        with (run / "candidates.csv").open(newline="") as file:
            rows = len(list(csv.DictReader(file)))
        if rows != len(candidates):
            wrong.append(f"candidates.csv has {rows} rows for {len(candidates)} candidates")
    except (OSError, ValueError) as error:
        wrong.append(f"files of the run: {error}")
    return wrong + [f"left in the run: {path.name}" for path in run.glob(".*.tmp")]


def left_behind(folder: Path, patience_s: float) -> list[str]:
    """Return the processes and temporary folders that a command left, after it had time to go."""
    until = time.monotonic() + patience_s
    while time.monotonic() < until and (working_in(folder) or list(folder.glob("nas-*"))):
        time.sleep(0.1)
    wrong = []
    for pid, title in working_in(folder).items():
        wrong.append(f"process left: {title[:100]}")
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return wrong + [f"folder left: {path.name}" for path in folder.glob("nas-*")]


def traceback(text: str) -> list[str]:
    """Return the end of a traceback that a command printed, if it did."""
    _, found, rest = text.partition("Traceback (most recent call last)")
    return [f"a traceback: {' '.join(rest.split())[-300:]}"] if found else []
