"""A recorded run as a table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nas.errors import UserError
from nas.replay.table import Table, find_table, read_table, table_of, write_table
from results.candidate import State
from results.ranking import reward
from reward.objective import Objective
from reward.step_time.measurement import median_s
from search_space.published import published


def test_what_was_written_is_read(table: Table, tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    write_table(path, table)
    read = read_table(path)
    assert read.settings == table.settings
    assert (read.space, read.epochs) == (table.space, 6)
    assert len(read.candidates) == len(table.candidates) == 60
    for copy, original in zip(read.candidates, table.candidates, strict=True):
        for name in ("architecture", "proposal", "seed", "accuracy", "parameters", "curve"):
            assert getattr(copy, name) == getattr(original, name)
        assert copy.step_time is not None
        assert original.step_time is not None
        assert median_s(copy.step_time) == median_s(original.step_time)
        assert reward(copy, Objective()) == pytest.approx(reward(original, Objective()))


def test_the_interval_of_the_step_time_is_a_column(table: Table, tmp_path: Path) -> None:
    write_table(tmp_path / "table.parquet", table)
    frame = pd.read_parquet(tmp_path / "table.parquet")
    assert (frame["step_time_ci_low_s"] == frame["step_time_s"]).all()
    assert frame["epoch_accuracies"].map(len).eq(6).all()


def test_what_disturbed_some_measurements_is_read_as_written(table: Table, tmp_path: Path) -> None:
    first, *rest = table.candidates
    assert first.step_time is not None
    disturbed = replace(first, step_time=replace(first.step_time, unsteady="it scatters"))
    write_table(tmp_path / "table.parquet", replace(table, candidates=(disturbed, *rest)))
    read = read_table(tmp_path / "table.parquet").candidates
    reasons = [row.step_time.unsteady for row in read if row.step_time is not None]
    assert reasons == ["it scatters", *[None] * 59]


def test_only_complete_ones_of_the_space_are_in_a_table(table: Table) -> None:
    first, second, third, fourth, *rest = table.candidates
    outside = replace(fourth, architecture=published("efficientnet-b0").architecture)
    spoilt = [
        replace(first, state=State.STOPPED),
        replace(second, curve=second.curve[:3]),
        replace(third, confirms=7),
        outside,
        *rest,
        replace(rest[0], number=99),
    ]
    kept = table_of(spoilt, table.settings)
    assert len(kept.candidates) == len(rest) == 56


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^RUN: got .*absent\.parquet, no such file$"):
        find_table(tmp_path / "absent.parquet")
    (tmp_path / "text.parquet").write_text("no table")
    with pytest.raises(
        UserError,
        match=r"^RUN: got .*text\.parquet, must be a run's directory or a table of a run \(.+\)$",
    ):
        find_table(tmp_path / "text.parquet")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(UserError, match="no run's settings"):
        find_table(tmp_path / "other.parquet")
    with pytest.raises(UserError, match="RUN: "):
        find_table(tmp_path / "run")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("seed", 1.5, "seed: got 1.5"),
        ("accuracy", float("nan"), "accuracy: got nan"),
        ("step_time_s", 0.0, "samples_s: got 0.0|division by zero"),
        ("normalized_step_time", 0.0, "division by zero"),
        ("image_size", 10**9, "image_size: got 1000000000"),
        ("architecture", '{"stages": []}', "stages: got none"),
        ("proposal", "[" * 10_000, "nested deeper"),
        ("epoch_losses", [[1.0]] * 60, "zip"),
    ],
)
def test_a_value_out_of_bounds_is_refused_in_one_line(
    table: Table, tmp_path: Path, column: str, value: Any, message: str
) -> None:
    path = tmp_path / "table.parquet"
    write_table(path, table)
    frame = pd.read_parquet(path)
    frame[column] = value
    frame.to_parquet(path)
    with pytest.raises(UserError, match=message) as refused:
        find_table(path)
    assert "\n" not in str(refused.value)


def test_more_rows_than_a_run_may_have_are_not_read(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_table(tmp_path / "table.parquet", table)
    monkeypatch.setattr("nas.replay.table.MOST_CANDIDATES", 59)
    with pytest.raises(UserError, match="rows: got 60, must be a whole number from 0 to 59"):
        find_table(tmp_path / "table.parquet")
