"""The table has all columns of the contract, also if values are missing."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from results.candidate import Candidate, State
from results.files import COLUMNS, candidate_json, table
from reward.objective import Objective

MakeCandidate = Callable[..., Candidate]


def test_a_row_holds_what_was_measured(make_candidate: MakeCandidate) -> None:
    row = table([make_candidate(4)]).iloc[0]
    assert row["number"] == 4
    assert row["state"] == "complete"
    assert row["step_time_s"] == row["step_time_ci_low_s"] == row["step_time_ci_high_s"] == 0.1
    assert row["normalized_step_time"] == pytest.approx(0.5)
    assert row["reward"] == pytest.approx(0.75 * 0.5**-0.12)
    assert row["stages"] == "F3e4c16x2 M5e6c24x3/2"
    assert (row["epochs"], row["training_s"], row["image_size"]) == (2, 9.0, 32)


def test_missing_values_stay_missing(make_candidate: MakeCandidate) -> None:
    bare = Candidate(1, State.FAILED, make_candidate().architecture, seed=1, cause="out_of_memory")
    frame = table([make_candidate(0), bare])
    assert list(frame.columns) == list(COLUMNS)
    assert frame["reward"].isna().tolist() == [False, True]
    assert frame["parameters"].isna().tolist() == [False, True]
    assert frame.to_csv().splitlines()[1].count("1000,20000") == 1  # no 1000.0


def test_an_empty_table_has_its_columns() -> None:
    assert list(table([]).columns) == list(COLUMNS)
    assert len(table([])) == 0


def test_the_json_has_the_contracts_keys(make_candidate: MakeCandidate) -> None:
    data = json.loads(json.dumps(candidate_json(make_candidate(), Objective()), allow_nan=False))
    contract = """number state cause seed accuracy step_time_s step_time_ci_s normalized_step_time
        peak_memory_bytes reward architecture_id name parameters multiply_adds image_size stages"""
    assert set(contract.split()) <= set(data)
    assert data["step_time_ci_s"] == [0.1, 0.1]
    assert data["normalized_step_time_ci"] == [0.5, 0.5]
    assert data["unsteady"] is None
    assert data["image_size"] == {"train": 32, "eval": 32}
    bare = make_candidate(step_time=None, accuracy=None, parameters=None)
    data = candidate_json(bare, Objective())
    assert data["step_time_ci_s"] is data["image_size"] is data["reward"] is None
