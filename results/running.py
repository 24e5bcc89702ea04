"""Trainings that run: how many epochs each is to have, and names of the workers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from results.candidate import BACKBONE
from results.comparison import Comparison


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
