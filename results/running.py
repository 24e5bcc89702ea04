"""Trainings that run: how far each is, how many epochs it is to have, and names of the workers."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path
from typing import Any

from results.candidate import BACKBONE, Candidate, State
from results.comparison import Comparison
from results.ranking import normalized_step_time
from reward.step_time.measurement import median_s
from search_space.bounds import read_json

FILE = "running.json"


class RunningFile:
    """A file in a run's directory with what runs and how far it is, for the page.

    It is no result: the record holds a candidate once it has ended. The file is written anew after
    each report, is not synced to the disk, and is gone once it is closed. What cannot be written is
    left out. ``epochs_of`` returns how many epochs a candidate is to have.
    """

    def __init__(self, directory: Path, epochs_of: Callable[[Candidate], int | None]) -> None:
        self._path = directory / FILE
        self._draft = directory / f".{FILE}.{os.getpid()}.tmp"
        self._epochs_of = epochs_of
        self._running: dict[int, dict[str, Any]] = {}
        self.close()  # what another process has left

    def __call__(self, candidate: Candidate) -> None:
        """Take note of a candidate that began, reported, or ended."""
        if candidate.state is State.RUNNING:
            self._running[candidate.number] = self._entry(candidate)
        else:
            self._running.pop(candidate.number, None)
        with suppress(OSError, ValueError):  # a full disk; a number that is not finite
            self._draft.write_text(json.dumps([*self._running.values()], allow_nan=False))
            self._draft.replace(self._path)

    def close(self) -> None:
        """Remove the file."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _entry(self, candidate: Candidate) -> dict[str, Any]:
        step_time, curve = candidate.step_time, candidate.curve
        return {
            "number": candidate.number,
            "confirms": candidate.confirms,
            "fidelity": candidate.fidelity,
            "worker": candidate.worker,
            "started_at": candidate.started_at,
            "epochs": self._epochs_of(candidate),
            "accuracy": curve[-1].accuracy if curve else None,
            "curve": [astuple(point) for point in curve],
            "step_time_s": None if step_time is None else median_s(step_time),
            "normalized_step_time": normalized_step_time(candidate),
            "parameters": candidate.parameters,
            "stages": candidate.architecture.to_json()["stages"],
        }


def read_running(directory: Path) -> list[dict[str, Any]]:
    """Return the entries of a run's :class:`RunningFile`, by number; none if it cannot be read."""
    try:
        entries = read_json(directory / FILE)
    except (OSError, ValueError):
        return []
    if not isinstance(entries, list):
        return []
    found = [entry for entry in entries if isinstance(entry, dict)]
    return sorted(
        (entry for entry in found if isinstance(entry.get("number"), int)),
        key=lambda entry: entry["number"],
    )


def planned_epochs(
    settings: Mapping[str, Any], confirms: int | None, fidelity: str | None
) -> int | None:
    """Return how many epochs a training of a run with these settings is to have; None if unknown.

    Candidates that confirm another may be trained for longer, and those at another fidelity are.
    """
    own, longer = settings.get("epochs"), settings.get("confirm_epochs")
    if fidelity is not None:
        try:
            comparison = Comparison.recorded(settings)
        except ValueError:  # of another release
            return None
        named = comparison.fidelities.get(fidelity) if comparison else None
        return named.epochs if named else _whole(own)
    if confirms is None or confirms == BACKBONE or longer is None:
        return _whole(own)
    return _whole(longer)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


class WorkerNames:
    """Names such as ``worker 1``, by the order in which processes report their first candidate.

    With several machines, the machine's name goes before: ``node-a 1``. A process that takes the
    place of one that died has a name of its own.
    """

    def __init__(self, workers: Iterable[str | None] = ()) -> None:
        """Name processes, each given as ``machine/process``."""
        self._numbers: dict[str, dict[str, int]] = {}  # by machine and process
        for worker in workers:
            self.add(worker)

    def add(self, worker: str | None) -> None:
        """Give a process that has none yet a name."""
        if worker is not None:
            its = self._numbers.setdefault(worker.rpartition("/")[0], {})
            its.setdefault(worker, len(its) + 1)

    def name(self, worker: str | None) -> str:
        """Return the name of a process; nothing if it is not known yet."""
        if worker is None:
            return ""
        self.add(worker)
        machine = worker.rpartition("/")[0]
        place = self._numbers[machine][worker]
        return f"worker {place}" if len(self._numbers) == 1 else f"{machine} {place}"

    def names(self) -> dict[str, str]:
        """Return the name of each process."""
        return {worker: self.name(worker) for its in self._numbers.values() for worker in its}
