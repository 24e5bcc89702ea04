"""A recorded run as a table of trained networks, and as a Parquet file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from nas.errors import UserError
from nas.run_directory import open_run
from results.candidate import Candidate, CurvePoint, State
from results.checks import check_settings, checked
from results.database import RecordError
from results.files import split_intervals, step_time_json
from results.multiply_adds import RULE, by_todays_rule
from reward.step_time.measurement import StepTime
from search_space.architecture import Architecture
from search_space.bounds import (
    MOST_CANDIDATES,
    MOST_NAME,
    MOST_RECORD_BYTES,
    load_json,
    whole,
)
from search_space.space import Space
from search_space.space_file import parse_space

_SETTINGS = "settings"
_SCALARS = ("number", "seed", "accuracy", "parameters", "multiply_adds", "reference_parameters")


@dataclass(frozen=True)
class Table:
    """The complete candidates of a run, each network once, and the settings of the run."""

    candidates: tuple[Candidate, ...]
    settings: Mapping[str, Any]
    damage: str | None = None  # a line on what could not be read
    notes: tuple[str, ...] = ()  # a line each on what it lacks, and what stands for that

    @property
    def space(self) -> Space:
        """The space of the run."""
        return parse_space(str(self.settings["space"]))

    @property
    def epochs(self) -> int:
        """The epochs of a whole training."""
        return int(self.settings["epochs"])


def table_of(candidates: Iterable[Candidate], settings: Mapping[str, Any]) -> Table:
    """Return the table of a run's candidates.

    It holds only complete candidates of the run's space that were trained for all epochs, because
    for the others the result of a longer training is not known.
    """
    space, epochs = parse_space(str(settings["space"])), int(settings["epochs"])
    rows = {
        candidate.architecture.architecture_id: candidate
        for candidate in candidates
        if candidate.state is State.COMPLETE
        and candidate.confirms is None
        and candidate.step_time is not None
        and len(candidate.curve) == epochs
        and space.contains(candidate.architecture)
    }
    return Table(tuple(rows.values()), dict(settings))


def find_table(path: Path, argument: str = "RUN") -> Table:
    """Return the table of a run's directory or of a file that :func:`write_table` wrote.

    ``argument`` is what an error names as given wrongly.

    Raises:
        UserError: ``path`` is neither.
    """
    try:
        if path.suffix == ".parquet":
            return read_table(path)
        with open_run(path, argument).read_record() as record:
            table = table_of(record.candidates(), record.settings())
            return replace(table, damage=record.damage)
    except FileNotFoundError as error:
        raise UserError(f"{argument}: got {path}, no such file") from error
    except RecordError as error:
        raise UserError(f"{argument}: {error}", exit_code=1) from error
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"{argument}: got {path}, must be a run's directory or a table of a run ({reason})"
        ) from error


def write_table(path: Path, table: Table) -> None:
    """Write one row a candidate, and the run's settings as JSON in the file's metadata.

    A step time is stored as its median and interval, without the single steps.
    """
    frame = pd.DataFrame([_row(candidate) for candidate in table.candidates])
    frame.attrs = {_SETTINGS: dict(table.settings)}  # pandas writes them to the file's metadata
    frame.to_parquet(path, compression="zstd", index=False)


def read_table(path: Path) -> Table:
    """Read a file of :func:`write_table`.

    Raises:
        ValueError: the file is another one.
    """
    _check_size(path)
    frame = pd.read_parquet(path)
    if _SETTINGS not in frame.attrs:
        raise ValueError("has no run's settings in its metadata")
    candidates = tuple(checked(_candidate(row)) for row in frame.to_dict("records"))
    table = Table(candidates, check_settings(frame.attrs[_SETTINGS]))
    space, epochs = table.space, table.epochs
    for candidate in candidates:
        if len(candidate.curve) != epochs or not space.contains(candidate.architecture):
            raise ValueError(f"candidate {candidate.number} is not of the run's space and epochs")
    return table


def _check_size(path: Path) -> None:
    """Check by a file's metadata how much it holds, before it is read.

    Raises:
        ValueError: too much, or the file is another one.
    """
    if not path.is_file():
        raise FileNotFoundError(path)
    metadata = pq.read_metadata(path)
    groups = (metadata.row_group(i) for i in range(metadata.num_row_groups))
    whole("rows", metadata.num_rows, MOST_CANDIDATES, least=0)
    whole("columns", metadata.num_columns, MOST_NAME)
    whole("bytes", sum(group.total_byte_size for group in groups), MOST_RECORD_BYTES, least=0)


def _row(candidate: Candidate) -> dict[str, Any]:
    timed = candidate.step_time
    assert timed is not None
    return {
        **{name: getattr(candidate, name) for name in _SCALARS},
        "multiply_adds_rule": RULE,
        "architecture_id": candidate.architecture.architecture_id,
        "architecture": json.dumps(candidate.architecture.to_json()),
        "proposal": json.dumps(dict(candidate.proposal)),
        **split_intervals(step_time_json(timed)),
        "image_size": timed.image_size,
        "epoch_losses": [point.loss for point in candidate.curve],
        "epoch_accuracies": [point.accuracy for point in candidate.curve],
        "epoch_elapsed_s": [point.elapsed_s for point in candidate.curve],
    }


def _candidate(row: Mapping[Any, Any]) -> Candidate:
    curves = zip(row["epoch_losses"], row["epoch_accuracies"], row["epoch_elapsed_s"], strict=True)
    unsteady = row.get("unsteady")  # NaN in rows without it; early tables have no such column
    timed = StepTime(
        samples_s=(row["step_time_s"],),
        reference_samples_s=(row["step_time_s"] / row["normalized_step_time"],),
        peak_memory_bytes=row["peak_memory_bytes"],
        device=row["device"],
        image_size=row["image_size"],
        batch_size=row["batch_size"],
        unsteady=unsteady if isinstance(unsteady, str) else None,
    )
    scalars = {name: row[name] for name in _SCALARS}
    architecture = Architecture.from_json(load_json(row["architecture"]))
    count, rule = scalars["multiply_adds"], row.get("multiply_adds_rule")
    scalars["multiply_adds"] = by_todays_rule(count, rule, architecture, timed.image_size)
    return Candidate(
        **scalars,
        state=State.COMPLETE,
        architecture=architecture,
        proposal=load_json(row["proposal"]),
        step_time=timed,
        curve=tuple(CurvePoint(epoch, *point) for epoch, point in enumerate(curves, 1)),
    )
