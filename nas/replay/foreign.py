"""A table of trained networks that others recorded, as a CSV file beside a space.

Each row is a network of the space. The columns are found by name; others are ignored.

============================  ======================================================================
``stage1.operator``, ...      an option of each choice of the space, by its name in a point. A
                              choice with one option needs no column, and that of a stage with 0
                              layers no value.
``accuracy``                  of the network after its training, a share from 0 to 1
``accuracy_1``, ...           in its place, accuracies with several seeds; their mean counts
``epoch_1``, ...              accuracies after each epoch, so that pruners can be replayed. The last
                              one counts if there is no ``accuracy``.
``step_time_s``               seconds of a training step
``parameters``                the network's parameters
============================  ======================================================================

Accuracy is all that must be there. Without step time or parameters the reward is of what there is,
and another column can be named in the place of the step time. Both are relative to the backbone's,
as in a search; if no row is the backbone, to the median of all rows.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import NoReturn

from nas.architectures import find_space
from nas.errors import UserError, nearest_first
from nas.imports import import_named
from nas.replay.table import Table
from results.candidate import Candidate, CurvePoint, State
from reward.objective import parse_reward
from reward.step_time.measurement import StepTime
from search_space.bounds import MOST_CANDIDATES, MOST_PARAMETERS, MOST_STEP_S, read_text, shown
from search_space.choices import Option
from search_space.named import is_reference
from search_space.space import Point, Space
from search_space.space_file import write_space

STEP_TIME, PARAMETERS, ACCURACY, EPOCH = "step_time_s", "parameters", "accuracy", "epoch_"
_IMAGE_SIZE = 32  # for a space by a function of it; a space in YAML has no image size
_TASK = {"classes": 10, "in_channels": 3}  # of the networks whose parameters a sampler counts
_LEAST = 1e-9


@dataclass(frozen=True)
class ForeignTable:
    """How a CSV file is to be read.

    ``space`` is a name or a file as of ``--space``. ``cost`` is the column in the place of the step
    time, and ``reward`` the form of the reward; None is the step time's, and the default.
    """

    space: str | None = None
    cost: str | None = None
    reward: str | None = None

    def check_unused(self) -> None:
        """Check that no option is given, as for a recorded run.

        Raises:
            UserError: one is.
        """
        for name, value in vars(self).items():
            if value is not None:
                raise UserError(f"--{name}: got {value!r}, is only for a table in CSV")


@dataclass(frozen=True)
class _Row:
    """A row: its line in the file, its network, and what was measured of it."""

    line: int
    point: Point
    accuracy: float
    curve: tuple[float, ...]
    cost: float | None
    parameters: float | None


def read_foreign(path: Path, options: ForeignTable, argument: str = "RUN") -> Table:
    """Return the table of a CSV file.

    Raises:
        UserError: an option or the file is wrong; one line names the file, the line, and the
            column.
    """
    if options.space is None:
        raise UserError("--space: got none, must be given for a table in CSV, such as space.yaml")
    space = find_space(options.space, _IMAGE_SIZE)
    reward = options.reward or "product"
    try:
        if is_reference(reward):
            import_named(reward, "--reward")
        parse_reward(reward)
    except ValueError as error:
        raise UserError(f"--reward: {error}") from error
    try:
        return _Reader(path, space, options.cost).table(reward)
    except FileNotFoundError as error:
        raise UserError(f"{argument}: got {path}, no such file") from error
    except (OSError, ValueError, csv.Error) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{argument}: {path}: {reason}") from error


class _Reader:
    """Reads one file; all errors are a ValueError without the file's name."""

    def __init__(self, path: Path, space: Space, cost: str | None) -> None:
        self._lines = csv.reader(read_text(path).splitlines())
        self._space = space
        self._options = space.options()
        self._columns = self._header()
        self._cost = self._cost_column(cost)
        self._accuracies = self._accuracy_columns()
        self._epochs = self._numbered(EPOCH)
        self._check_choices()
        if not self._accuracies and not self._epochs:
            raise ValueError(f"got no column {ACCURACY}, must have it, or {ACCURACY}_1, ...")

    def table(self, reward: str) -> Table:
        """Return the table, with a note on what the file lacks."""
        rows = list(self._rows())
        if not rows:
            raise ValueError("got no rows, must have a network in each")
        networks = [self._space.decode(row.point) for row in rows]
        lines: dict[str, int] = {}
        for row, network in zip(rows, networks, strict=True):
            other = lines.setdefault(network.architecture_id, row.line)
            if other != row.line:
                raise ValueError(
                    f"line {row.line}: got the network of line {other}, must be another"
                )
        backbone = lines.get(self._space.backbone.architecture_id)
        base = [row for row in rows if backbone in (None, row.line)]
        cost, size = (median(values) for values in zip(*(_costs(row) for row in base), strict=True))
        candidates = tuple(
            Candidate(
                number=number,
                state=State.COMPLETE,
                architecture=network,
                seed=0,
                proposal=row.point,
                accuracy=row.accuracy,
                parameters=round(_costs(row)[1]),
                multiply_adds=0,
                reference_parameters=max(1, round(size)),
                step_time=self._step_time(row, cost),
                curve=tuple(CurvePoint(i, 0.0, value, 0.0) for i, value in enumerate(row.curve, 1)),
            )
            for number, (row, network) in enumerate(zip(rows, networks, strict=True))
        )
        settings = {
            "space": write_space(self._space),
            "epochs": len(rows[0].curve),
            "reward": reward,
            **_TASK,
        }
        return Table(candidates, settings, notes=tuple(self._notes(backbone)))

    def _header(self) -> dict[str, int]:
        names = next(self._lines, [])
        columns = {name.strip().lstrip("\ufeff"): place for place, name in enumerate(names)}
        if len(columns) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"line 1: got column {shown(twice)} twice, must be once")
        return columns

    def _cost_column(self, cost: str | None) -> str | None:
        if cost is not None and cost not in self._columns:
            names = ", ".join(nearest_first(cost, self._columns)[:8])
            raise UserError(f"--cost: got {cost!r}, must be a column of the table, such as {names}")
        return cost or (STEP_TIME if STEP_TIME in self._columns else None)

    def _accuracy_columns(self) -> list[str]:
        return [ACCURACY] if ACCURACY in self._columns else self._numbered(f"{ACCURACY}_")

    def _numbered(self, prefix: str) -> list[str]:
        """Return the columns ``prefix1``, ``prefix2``, and so on without a gap."""
        found: list[str] = []
        while (name := f"{prefix}{len(found) + 1}") in self._columns:
            found.append(name)
        return found

    def _check_choices(self) -> None:
        for name, options in self._options.items():
            if len(options) > 1 and name not in self._columns:
                values = ", ".join(map(str, options))
                raise ValueError(f"got no column {name}, must have it, with one of {values}")

    def _rows(self) -> Iterator[_Row]:
        for cells in self._lines:
            line = self._lines.line_num
            if not cells:
                continue
            if len(cells) != len(self._columns):
                raise ValueError(
                    f"line {line}: got {len(cells)} values, must be {len(self._columns)}, "
                    "as many as columns"
                )
            if line > MOST_CANDIDATES:
                raise ValueError(f"got more than {MOST_CANDIDATES:,} rows, must be fewer")
            values = {name: cells[place].strip() for name, place in self._columns.items()}
            curve = tuple(_share(line, name, values) for name in self._epochs)
            accuracies = [_share(line, name, values) for name in self._accuracies]
            accuracy = fmean(accuracies) if accuracies else curve[-1]
            yield _Row(
                line,
                self._point(line, values),
                accuracy,
                curve or (accuracy,),
                _positive(line, self._cost, values) if self._cost else None,
                _positive(line, PARAMETERS, values, MOST_PARAMETERS, 1)
                if PARAMETERS in self._columns
                else None,
            )

    def _point(self, line: int, values: Mapping[str, str]) -> Point:
        point: Point = {}
        for name, options in self._options.items():
            if name not in values:  # it has one option
                point[name] = options[0]
                continue
            layers = f"{name.partition('.')[0]}.layers"
            text = values[name]
            if not text and name != layers and _is_zero(values.get(layers)):
                point[name] = options[0]
                continue
            found = _option(text, options)
            if found is None:
                may_be = ", ".join(map(str, options))
                _refuse(line, name, text, f"one of {may_be}")
            point[name] = found
        return point

    def _step_time(self, row: _Row, reference: float) -> StepTime:
        """Return S and S0; another cost is stored relative to the backbone's, as it has no unit."""
        cost = _costs(row)[0]
        samples = (cost, reference) if self._cost == STEP_TIME else (cost / reference, 1.0)
        if not _LEAST <= samples[0] <= MOST_STEP_S:
            _refuse(
                row.line,
                str(self._cost),
                f"{cost:g}",
                f"from {_LEAST:g} to {MOST_STEP_S:g}"
                + ("" if self._cost == STEP_TIME else f" times the backbone's {reference:g}"),
            )
        return StepTime(samples[:1], samples[1:], 0, "not recorded", _IMAGE_SIZE, 0)

    def _notes(self, backbone: int | None) -> Iterator[str]:
        known = {STEP_TIME: self._cost is not None, PARAMETERS: PARAMETERS in self._columns}
        lacks = [name for name, is_known in known.items() if not is_known]
        if self._cost not in (None, STEP_TIME):
            yield f"the column {self._cost} stands for the step time"
        if lacks:
            yield f"the table has no {' and no '.join(lacks)}: the reward is of what there is"
        if backbone is None and len(lacks) < 2:
            yield "no row is the space's backbone: values are relative to the median row"
        if not self._epochs:
            yield "the table has no epoch_1, epoch_2, ...: a whole training counts as one epoch"
        if len(self._accuracies) > 1:
            yield f"the accuracy is the mean of {len(self._accuracies)} columns"


def _costs(row: _Row) -> tuple[float, float]:
    """Return step time and parameters, 1 in the place of one that is not known."""
    return row.cost or 1.0, row.parameters or 1.0


def _is_zero(text: str | None) -> bool:
    return text is not None and _number(text) == 0


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _option(text: str, options: Sequence[Option]) -> Option | None:
    """Return the option of a text; numbers are compared by value, so 3.0 is 3."""
    number = _number(text)
    for option in options:
        if text == str(option) or (not isinstance(option, str) and number == option):
            return option
    return None


def _share(line: int, column: str, values: Mapping[str, str]) -> float:
    value = _number(values[column])
    if value is None or not 0 <= value <= 1:
        _refuse(line, column, values[column], "a share from 0 to 1, not in percent")
    return value


def _positive(
    line: int, column: str, values: Mapping[str, str], most: float = math.inf, least: float = 0.0
) -> float:
    value = _number(values[column])
    if value is None or not max(least, math.ulp(0.0)) <= value <= most:
        may_be = "a number above 0" if most == math.inf else f"from {least:g} to {most:g}"
        _refuse(line, column, values[column], may_be)
    return value


def _refuse(line: int, column: str, value: str, may_be: str) -> NoReturn:
    raise ValueError(f"line {line}: column {column}: got {shown(value)}, must be {may_be}")
