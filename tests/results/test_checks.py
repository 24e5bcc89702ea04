"""A stranger's record cannot stall its readers: each value is bounded, and so is each query."""

from __future__ import annotations

import json
import math
import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from results import read_only
from results.candidate import CurvePoint
from results.checks import check_settings, checked
from results.database import RecordError
from results.database_url import sqlite_url
from results.record import Record
from search_space import bounds
from search_space.bounds import OutOfBounds
from search_space.spaces import small
from tests.results.conftest import MakeCandidate
from tests.results.dashboard.made_run import make_run, settings

HUGE = [10**18, -1, float("nan"), float("inf"), "x" * 10**6, [], 10**5000]


@pytest.mark.parametrize("value", HUGE, ids=lambda value: f"{type(value).__name__}")
@pytest.mark.parametrize(
    "name",
    ["number", "image_size", "accuracy", "parameters", "worker", "detail", "started_at", "cause"],
)
def test_a_value_of_a_candidate_out_of_bounds_is_named(
    make_candidate: MakeCandidate, name: str, value: Any
) -> None:
    if (name == "parameters" and value == 10**18) or (name == "detail" and value == []):
        value = True
    with pytest.raises(OutOfBounds, match=f"^{name}: got ") as refused:
        checked(make_candidate(**{name: value}))
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"curve": (CurvePoint(1, math.inf, 0.5, 1.0),)}, "loss: got inf"),
        ({"curve": (CurvePoint(1, 1.0, 50, 1.0),)}, "accuracy: got 50"),
        ({"proposal": {"a": math.nan}}, "proposal: got nan"),
        ({"proposal": {"a": 10**400}}, "proposal: got 1000"),
        ({"proposal": []}, "proposal: got "),
        ({"versions": {"a": ["b"]}}, "versions: got "),
        ({"phases_s": {"build": "x"}}, "phases_s: got 'x'"),
    ],
)
def test_what_a_candidate_holds_is_bounded(
    make_candidate: MakeCandidate, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(OutOfBounds, match=f"^{message}"):
        checked(make_candidate(**changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"samples_s": ()}, "samples_s: got 0 beside 7"),
        ({"samples_s": (0.0,) * 7}, "samples_s: got 0.0, must be from 1e-09 to 100000 s"),
        ({"reference_samples_s": (float("nan"),) * 7}, "reference_samples_s: got nan"),
        ({"samples_s": (0.1,) * 100_001}, "samples_s: got 100,001, must be 100,000 or fewer"),
        ({"batch_size": None}, "batch_size: got None"),
        ({"device": 3}, "device: got 3"),
    ],
)
def test_a_step_time_is_bounded(
    make_candidate: MakeCandidate, changes: dict[str, Any], message: str
) -> None:
    candidate = make_candidate()
    assert candidate.step_time is not None
    with pytest.raises(OutOfBounds, match=f"^{message}"):
        checked(replace(candidate, step_time=replace(candidate.step_time, **changes)))


@pytest.mark.parametrize("value", HUGE, ids=lambda value: f"{type(value).__name__}")
@pytest.mark.parametrize("name", ["image_size", "classes", "epochs", "space", "reward", "data"])
def test_settings_out_of_bounds_are_named(name: str, value: object) -> None:
    with pytest.raises(OutOfBounds, match=f"^{name}: got "):
        check_settings({**settings(small()), name: value})


def test_settings_of_another_release_are_kept() -> None:
    known = {**settings(small()), "of_a_later_release": {"any": [1]}, "confirm_epochs": None}
    assert check_settings(known) == known


def test_many_step_times_have_an_interval_at_once(make_candidate: MakeCandidate) -> None:
    from reward.step_time.measurement import median_interval

    started = time.monotonic()
    low, high = median_interval(range(20_001)) or (0, 0)
    assert time.monotonic() - started < 5
    # The normal approximation: 10,000 -+ 1.96 * sqrt(20,001) / 2.
    assert low == pytest.approx(10_000 - 138.6, abs=1.5)
    assert high == 20_000 - low


def _with_a_view(run: Path) -> None:
    _execute(
        run,
        "ALTER TABLE candidates RENAME TO theirs",
        "CREATE VIEW candidates AS WITH RECURSIVE n(number) AS "
        "(SELECT 0 UNION ALL SELECT number + 1 FROM n) SELECT theirs.* FROM n, theirs",
    )


def _with_a_huge_value(run: Path) -> None:
    _execute(run, "UPDATE candidates SET detail = CAST(zeroblob(20000000) AS TEXT)")


def _with_many_layers(run: Path) -> None:
    network = small().backbone.to_json()
    network["stages"][0]["layers"] = 10**9
    _execute(run, f"UPDATE candidates SET architecture = '{json.dumps(network)}'")


def _with_a_pipe(run: Path) -> None:
    (run / "record.sqlite-wal").unlink(missing_ok=True)
    os.mkfifo(run / "record.sqlite-wal")


def _with_huge_settings(run: Path) -> None:
    _execute(run, f"""UPDATE runs SET settings = '{json.dumps({"epochs": 10**18})}'""")


def _execute(run: Path, *statements: str) -> None:
    with sqlite3.connect(run / "record.sqlite") as connection:
        for table in ("runs", "candidates"):
            connection.execute(f"UPDATE {table} SET checksum = NULL")
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_with_a_view, "holds a view in place of a table"),
        (_with_a_huge_value, "too big"),
        (_with_a_pipe, "a pipe or a device, must be a file"),
    ],
)
def test_a_record_that_would_stall_is_refused_in_one_line(
    tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    make_run(tmp_path, 3).close()
    change(tmp_path)
    started = time.monotonic()
    with pytest.raises(RecordError) as refused:
        _read(tmp_path)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("change", [_with_many_layers, _with_huge_settings])
def test_what_is_out_of_bounds_counts_as_damaged(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    make_run(tmp_path, 3).close()
    change(tmp_path)
    started = time.monotonic()
    assert "damaged" in str(_read(tmp_path))
    assert time.monotonic() - started < 5


def test_a_record_of_too_many_candidates_or_bytes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(tmp_path, 3).close()
    monkeypatch.setattr("results.database.MOST_CANDIDATES", 2)
    with pytest.raises(RecordError, match="has over 2 candidates"):
        _read(tmp_path)
    monkeypatch.setattr(bounds, "MOST_RECORD_BYTES", 1000)
    with pytest.raises(RecordError, match="bytes, must have 1,000 or fewer"):
        _read(tmp_path)


def test_a_query_that_takes_too_long_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(tmp_path, 3).close()
    monkeypatch.setattr(bounds, "MOST_QUERY_S", -1.0)
    monkeypatch.setattr(read_only, "_INSTRUCTIONS_A_LOOK", 1)
    with pytest.raises(RecordError, match="took too long"):
        _read(tmp_path)


def _read(run: Path) -> str | None:
    """Read all candidates; return what is said of damage."""
    with Record.read(sqlite_url(run / "record.sqlite"), "made") as record:
        record.candidates()
        return record.damage
