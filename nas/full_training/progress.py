"""The events of a training, and the progress that it shows while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from nas.full_training.loggers import CurveRow
from results.units import duration
from reward.metric import ACCURACY, METRICS, Metric

_BAR_WIDTH = 16


@dataclass(frozen=True)
class Begun:
    """Training begins, or is resumed after the epochs in ``rows``, or after ``epochs_done``.

    ``work`` is the relative duration of every epoch, by its number of pixels. ``notes``
    are sentences on the device, and on what is slower than it could be.
    """

    rows: tuple[CurveRow, ...]
    work: tuple[float, ...]
    device: str
    workers: int
    notes: tuple[str, ...] = ()
    epochs_done: int | None = None


@dataclass(frozen=True)
class Stepped:
    """``step`` of ``count`` steps in an epoch is done; the rate is that since the epoch's start."""

    step: int
    count: int
    images_per_s: float


@dataclass(frozen=True)
class Saved:
    """The files of an epoch that is over: the whole curve, and the checkpoints' contents.

    ``best`` is None if the epoch is not the best so far. They are written where the training was
    started, which may be another machine.
    """

    rows: tuple[CurveRow, ...]
    last: bytes
    best: bytes | None


@dataclass(frozen=True)
class EpochEnded:
    """An epoch is over, and the checkpoint is written."""

    row: CurveRow
    is_best: bool


@dataclass(frozen=True)
class EpochPassed:
    """The epoch of this number, from 1, is over, and is not validated."""

    number: int


@dataclass(frozen=True)
class WorkerLost:
    """A worker process died; new ones resume from the checkpoint. ``detail`` is the known cause."""

    detail: str


@dataclass(frozen=True)
class Waiting:
    """The workers cannot start yet; ``reason`` says what they wait for."""

    reason: str


Event = Begun | Stepped | Saved | EpochEnded | EpochPassed | WorkerLost | Waiting
Listener = Callable[[Event], None]


class Progress:
    """Prints a line for each epoch, and on a terminal a live line for the epoch in progress."""

    def __init__(self, console: Console, metric: Metric = METRICS[ACCURACY]) -> None:
        self._console = console
        self._metric = metric
        self._rows: list[CurveRow] = []
        self._work: tuple[float, ...] = ()
        self._step: Stepped | None = None
        self._epochs_done = 0
        self._done_before = 0.0  # share of the work that earlier processes had done
        self._start = time.monotonic()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the live line on a terminal while the context is open."""
        if not self._console.is_terminal:
            yield
            return
        with Live(
            get_renderable=self.line,
            console=self._console,
            refresh_per_second=4,
            transient=True,
        ):
            yield

    def __call__(self, event: Event) -> None:
        """Show an event."""
        if isinstance(event, Begun):
            self._begin(event)
        elif isinstance(event, Stepped):
            self._step = event
        elif isinstance(event, EpochEnded):
            self._rows.append(event.row)
            self._epochs_done, self._step = max(self._epochs_done + 1, event.row.epoch), None
            self._print(_describe(event, len(self._work), self._metric))
        elif isinstance(event, EpochPassed):
            self._epochs_done, self._step = event.number, None
        elif isinstance(event, WorkerLost):
            self._step = None
            self._print("a worker died; all workers restart from the last checkpoint (see ray.log)")
        elif isinstance(event, Waiting):
            self._print(event.reason)

    def _begin(self, event: Begun) -> None:
        self._rows, self._work, self._step = list(event.rows), event.work, None
        done = len(event.rows) if event.epochs_done is None else event.epochs_done
        self._epochs_done = done
        self._start = time.monotonic()
        self._done_before = self._share_done()
        where = event.device if event.workers == 1 else f"{event.workers} x {event.device}"
        if not done:
            self._print(f"training on {where}")
        elif done < len(event.work):
            self._print(f"resuming after epoch {done} on {where}")
        for note in event.notes:
            self._print(note)

    def _share_done(self) -> float:
        """Return the share of the training that is done, in [0, 1], by the number of pixels."""
        if not self._work:
            return 0.0
        done = sum(self._work[: self._epochs_done])
        if self._step and self._epochs_done < len(self._work):
            done += self._work[self._epochs_done] * self._step.step / self._step.count
        return done / sum(self._work)

    def line(self) -> Table | Text:
        """Return the live line: epoch, bar, rate, last loss and accuracy, time left."""
        if not self._work:
            return Text("starting")
        epoch = min(self._epochs_done + 1, len(self._work))
        share = self._step.step / self._step.count if self._step else 0.0
        line = Table.grid(padding=(0, 1))
        bar = ProgressBar(total=1.0, completed=share, width=_BAR_WIDTH)
        line.add_row(f"epoch {epoch}/{len(self._work)}", bar, Text(self._numbers(), no_wrap=True))
        return line

    def _numbers(self) -> str:
        parts = []
        if self._step:
            parts.append(f"{self._step.images_per_s:,.0f} images/s")
        if self._rows:
            row = self._rows[-1]
            parts.append(f"loss {row.loss:.3f}, {100 * row.accuracy:.2f} %")
        share = self._share_done()
        if share > self._done_before:
            seconds = (time.monotonic() - self._start) / (share - self._done_before)
            parts.append(f"{duration(seconds * (1 - share))} left")
        return " · ".join(parts)

    def _print(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


def _describe(event: EpochEnded, epochs: int, metric: Metric) -> str:
    """Return the line of an epoch, within 80 columns."""
    row, width = event.row, len(str(epochs))
    best = "  best" if event.is_best else ""
    name = metric.title if metric.name == ACCURACY else metric.short
    return (
        f"epoch {row.epoch:{width}d}/{epochs}  loss {row.loss:.4f}  "
        f"{name} {100 * row.accuracy:5.2f} %  {row.image_size} px  "
        f"{row.images_per_s:,.0f} images/s{best}"
    )
