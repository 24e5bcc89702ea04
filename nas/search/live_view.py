"""What a terminal shows of a running search below the lines of candidates that ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean

from results.candidate import FULL, PROXY, Candidate, State
from results.ranking import normalized_step_time
from results.running import WorkerNames
from results.text_plot import ASCII, UNICODE, Front, Point, plot_lines, point_of
from results.units import duration, short_count
from reward.metric import Metric

_LEAST_AREA, _MOST_AREA = 5, 12  # rows of the plot's points
_AROUND_AREA = 6  # its title, axis, labels, key, and an empty line
_LEAST_RUNNING = 3  # candidates that are shown before the plot is given up
_LEAST_POINTS = 2
_BY_IMPORTANCE = (0, 1, 2, 6, 5, 3, 4)  # the columns of the table, for narrow terminals

PlannedEpochs = Callable[[Candidate], int | None]


class LiveView:
    """The candidates that run, and a plot of those that are complete.

    ``epochs_of`` returns how many epochs a candidate is to have, None if that is not known.
    """

    def __init__(
        self, metric: Metric, epochs_of: PlannedEpochs, known: Iterable[Candidate]
    ) -> None:
        self._metric = metric
        self._epochs_of = epochs_of
        self._running: dict[int, Candidate] = {}
        self._points: list[Point] = []
        self._backbones: list[float] = []  # accuracies of its trainings
        self._workers = WorkerNames()
        self._drawn: tuple[object, list[str]] = (None, [])
        for candidate in sorted(known, key=lambda candidate: candidate.started_at or 0.0):
            self._workers.add(candidate.worker)
            self._add_point(candidate)

    def add(self, candidate: Candidate) -> None:
        """Take note of a candidate that began, reported, or ended."""
        self._workers.add(candidate.worker)
        if candidate.state is State.RUNNING:
            self._running[candidate.number] = candidate
        else:
            self._running.pop(candidate.number, None)
            self._add_point(candidate)

    def _add_point(self, candidate: Candidate) -> None:
        if (point := point_of(candidate)) is not None:
            self._points.append(point)
        if candidate.is_backbone and candidate.accuracy is not None:
            self._backbones.append(candidate.accuracy)

    def lines(self, best: int | None, columns: int, rows: int, is_ascii: bool) -> list[str]:
        """Return what fits into so many columns and rows; ``best`` is the best one's number."""
        area = min(_MOST_AREA, rows - _AROUND_AREA - len(self._running) - 1)
        if area < _LEAST_AREA:  # some of those that run give way
            area = min(_LEAST_AREA, rows - _AROUND_AREA - _LEAST_RUNNING - 1)
        plot = self._plot(best, columns, area, is_ascii) if area >= _LEAST_AREA else []
        below = ["", *plot] if plot else []
        table = self._table(columns, rows - len(below))
        return [*table, *below] if table else plot

    def _plot(self, best: int | None, columns: int, area: int, is_ascii: bool) -> list[str]:
        """Return the plot, which is drawn anew only if something changed."""
        if len(self._points) < _LEAST_POINTS:
            return []
        key = best, columns, area, len(self._points), len(self._backbones)
        if self._drawn[0] != key:
            backbone = fmean(self._backbones) if self._backbones else None
            front = Front(self._points, best, backbone)
            marks = ASCII if is_ascii else UNICODE
            self._drawn = key, plot_lines(front, self._metric.title, columns, area, marks)
        return self._drawn[1]

    def _table(self, columns: int, room: int) -> list[str]:
        """Return a line for each candidate that runs, below a head, in at most so many lines."""
        # The thread that draws is not the one that adds, so the values are copied at once.
        shown = sorted(self._running.values(), key=lambda candidate: candidate.number)
        if not shown or room < 2:
            return []
        left_out = len(shown) - (room - 1)
        if left_out > 0:
            shown = shown[: room - 2]
        head = ("no.", "epoch", f"{self._metric.short} %", "S/S0", "params", "for", "worker")
        lines = aligned([head, *map(self._row, shown)], columns, _BY_IMPORTANCE)
        return lines + ([f"and {left_out + 1} more that run"] if left_out > 0 else [])

    def _row(self, candidate: Candidate) -> tuple[str, ...]:
        curve, planned = candidate.curve, self._epochs_of(candidate)
        step_time, start = normalized_step_time(candidate), candidate.started_at
        return (
            label(candidate),
            f"{len(curve)}" + ("" if planned is None else f"/{planned}"),
            f"{100 * curve[-1].accuracy:.1f}" if curve else "",
            "" if step_time is None else f"{step_time:.2f}",
            short_count(candidate.parameters),
            "" if start is None else duration(max(0.0, time.time() - start)),
            self._workers.name(candidate.worker),
        )


def label(candidate: Candidate) -> str:
    """Return the candidate's number, or whose further training it is, in a word or two."""
    if candidate.is_backbone:
        return "backbone"
    if candidate.confirms is None:
        return str(candidate.number)
    how = {None: "again", FULL: "in full", PROXY: "again"}.get(candidate.fidelity, "otherwise")
    return f"{candidate.confirms} {how}"


def aligned(
    rows: Sequence[Sequence[str]], columns: int, by_importance: Sequence[int], gap: int = 2
) -> list[str]:
    """Return rows of cells as lines, the last column on the left, all others on the right.

    Columns that have no room are left out, the least important first; no cell is cut.
    """
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    kept = list(by_importance)
    while len(kept) > 1 and sum(widths[i] + gap for i in kept) - gap > columns:
        kept.pop()
    last = len(widths) - 1
    return [
        (" " * gap)
        .join(
            row[i].ljust(widths[i]) if i == last else row[i].rjust(widths[i]) for i in sorted(kept)
        )
        .rstrip()
        for row in rows
    ]
