"""A plot of a run's candidates in characters: accuracy against step time, with the front."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Self

from results.candidate import BACKBONE, Candidate, State
from results.ranking import normalized_step_time, pareto

_KEPT, _MANY = 0.9, 20  # of so many points or more, this share stays within the axes


@dataclass(frozen=True)
class Point:
    """A complete candidate: S/S0, its step time relative to the backbone's; accuracy in [0, 1]."""

    number: int
    step_time: float
    accuracy: float


@dataclass(frozen=True)
class Marks:
    """The characters that a plot is drawn with."""

    other: str
    front: str
    winner: str
    backbone: str
    across: str
    up: str
    turn: str  # from across to up
    axis: str
    tick: str
    corner: str
    floor: str
    foot: str  # a tick of the floor


UNICODE = Marks("·", "●", "★", "+", "─", "│", "╯", "│", "┤", "└", "─", "┬")
ASCII = Marks(".", "o", "*", "+", "-", "|", "'", "|", "|", "+", "-", "+")


@dataclass(frozen=True)
class Front:
    """What is drawn: points by the number of their candidates, and which of them stand out.

    ``winner`` is the number of a candidate, None without one. ``backbone`` is the mean accuracy of
    its trainings, None if it was not trained; its S/S0 is 1.
    """

    points: Sequence[Point]
    winner: int | None = None
    backbone: float | None = None

    @classmethod
    def of(cls, candidates: Iterable[Candidate], winner: int | None) -> Self:
        """Return the plot of a run's candidates; those that are not complete are left out."""
        candidates = list(candidates)
        points = [point for candidate in candidates if (point := point_of(candidate))]
        trained = [c.accuracy for c in candidates if c.is_backbone and c.accuracy is not None]
        return cls(points, winner, fmean(trained) if trained else None)


def point_of(candidate: Candidate) -> Point | None:
    """Return a candidate's point; None unless it is complete, timed, and no repeated training."""
    step_time = normalized_step_time(candidate)
    is_shown = candidate.state is State.COMPLETE and candidate.confirms is None
    if not is_shown or candidate.accuracy is None or step_time is None:
        return None
    return Point(candidate.number, step_time, candidate.accuracy)


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float
    cells: int

    @classmethod
    def over(cls, values: Sequence[float], cells: int) -> Self:
        low, high = min(values), max(values)
        room = (high - low or abs(high) or 1.0) * 0.5 if high == low else 0.0
        return cls(low - room, high + room, cells)

    def place(self, value: float) -> int | None:
        """Return the cell of a value, from 0; None outside the axis."""
        share = (value - self.low) / (self.high - self.low)
        return round(share * (self.cells - 1)) if 0 <= share <= 1 else None


def plot_lines(plot: Front, metric: str, columns: int, rows: int, marks: Marks) -> list[str]:
    """Return the plot in lines of at most ``columns`` characters; none without a point.

    ``rows`` is the height of the area with the points; axes and key take about four lines more. The
    axes hold the front, the backbone, and 90 % of twenty or more candidates; the key counts the
    others.
    """
    if not plot.points:
        return []
    front = pareto((p.step_time, p.accuracy, p.number, p) for p in plot.points)
    kept = _KEPT if len(plot.points) >= _MANY else 1.0
    ys = [p.accuracy for p in front] + [_quantile([p.accuracy for p in plot.points], 1 - kept)]
    xs = [p.step_time for p in front] + [_quantile([p.step_time for p in plot.points], kept)]
    if plot.backbone is not None:
        ys, xs = [*ys, plot.backbone], [*xs, 1.0]
    y = _Axis.over(ys, rows)
    labels = [f"{100 * y.high:.1f}", f"{100 * y.low:.1f}"]
    margin = max(map(len, labels))
    x = _Axis.over(xs, columns - margin - 2)
    grid = [[" "] * x.cells for _ in range(rows)]
    outside = _draw_points(grid, plot, front, x, y, marks)
    return [
        f"{metric} %",
        *_with_axis(grid, labels, margin, marks),
        *_floor(x, margin, marks),
        *_key(plot, outside, columns, marks),
    ]


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[round(share * (len(values) - 1))]


def _draw_front(
    grid: list[list[str]], front: Sequence[Point], x: _Axis, y: _Axis, marks: Marks
) -> None:
    """Draw the front as steps: from a point to the step time of the next one, then up to it."""
    for point, after in pairwise(front):
        left, right = x.place(point.step_time), x.place(after.step_time)
        low, high = y.place(point.accuracy), y.place(after.accuracy)
        assert left is not None
        assert right is not None
        assert low is not None
        assert high is not None
        for column in range(left, right):
            grid[-1 - low][column] = marks.across
        for row in range(low, high):
            grid[-1 - row][right] = marks.turn if row == low else marks.up


def _draw_points(
    grid: list[list[str]],
    plot: Front,
    front: Sequence[Point],
    x: _Axis,
    y: _Axis,
    marks: Marks,
) -> int:
    """Draw points and front, what matters last, over the others; return how many are outside."""
    on_front = {point.number for point in front}

    def put(mark: str, points: Iterable[Point]) -> int:
        outside = 0
        for point in points:
            column, row = x.place(point.step_time), y.place(point.accuracy)
            if column is None or row is None:
                outside += 1
            else:
                grid[-1 - row][column] = mark
        return outside

    outside = put(marks.other, (p for p in plot.points if p.number not in on_front))
    _draw_front(grid, front, x, y, marks)
    put(marks.front, front)
    if plot.backbone is not None:
        put(marks.backbone, [Point(BACKBONE, 1.0, plot.backbone)])
    put(marks.winner, (p for p in plot.points if p.number == plot.winner))
    return outside


def _with_axis(
    grid: Sequence[Sequence[str]], labels: Sequence[str], margin: int, marks: Marks
) -> list[str]:
    last = len(grid) - 1
    lines = []
    for row, cells in enumerate(grid):
        label = labels[0] if row == 0 else labels[1] if row == last else ""
        axis = marks.tick if label else marks.axis
        lines.append(f"{label:>{margin}} {axis}{''.join(cells)}".rstrip())
    return lines


def _floor(x: _Axis, margin: int, marks: Marks) -> list[str]:
    """Return the horizontal axis and its labels: both ends, and the backbone's 1 if it has room."""
    line, below = [marks.floor] * x.cells, [" "] * x.cells
    taken: list[range] = []
    for value in (x.low, x.high, 1.0):
        text, at = f"{value:.2f}", x.place(value)
        if at is None:
            continue
        start = min(max(0, at - len(text) // 2), x.cells - len(text))
        place = range(start - 1, start + len(text) + 1)
        if any(place.start < other.stop and other.start < place.stop for other in taken):
            continue
        taken.append(place)
        line[at] = marks.foot
        below[start : start + len(text)] = text
    gap = " " * (margin + 1)
    return [f"{gap}{marks.corner}{''.join(line)}", f"{gap} {''.join(below)}".rstrip()]


def _key(plot: Front, outside: int, columns: int, marks: Marks) -> list[str]:
    parts = ["step time, x the backbone's"]
    if any(point.number == plot.winner for point in plot.points):
        parts.append(f"{marks.winner} no. {plot.winner}")
    parts += [f"{marks.front} front", f"{marks.other} other"]
    if plot.backbone is not None:
        parts.append(f"{marks.backbone} backbone")
    if outside:
        parts.append(f"{outside:,} slower or weaker not shown")
    return filled(parts, "  ", columns)


def filled(parts: Iterable[str], separator: str, columns: int) -> list[str]:
    """Return the parts in as few lines as hold them in their order; none is divided."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(separator) + len(part) <= columns:
            lines[-1] += separator + part
        else:
            lines.append(part)
    return lines
