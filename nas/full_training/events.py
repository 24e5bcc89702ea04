"""What a training tells while it runs; plain values, since they come from another process too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nas.full_training.curve import CurveRow


@dataclass(frozen=True)
class Begun:
    """Training begins, or goes on after ``rows``. ``work`` is each epoch's pixels, relatively."""

    rows: tuple[CurveRow, ...]
    work: tuple[float, ...]
    device: str
    workers: int


@dataclass(frozen=True)
class Stepped:
    """``step`` of ``count`` in an epoch is done, since its start at so many images a second."""

    step: int
    count: int
    images_per_s: float


@dataclass(frozen=True)
class EpochEnded:
    """An epoch is over and in the checkpoint."""

    row: CurveRow
    is_best: bool


@dataclass(frozen=True)
class WorkerLost:
    """A worker process died, for all that ``detail`` knows; new ones go on from the checkpoint."""

    detail: str


Event = Begun | Stepped | EpochEnded | WorkerLost
Listener = Callable[[Event], None]
