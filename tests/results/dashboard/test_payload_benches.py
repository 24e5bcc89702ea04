"""Benched networks have an S/S0 if they were timed under the conditions of the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from results.dashboard.payload import InvalidBenchFile, read_benches, relative_step_time

ROW = {"name": "b0", "step_time_s": 0.3, "device": "gpu", "batch_size": 64, "image_size": 224}
RUN: list[dict[str, Any]] = [
    {"device": None},
    {"device": "gpu", "batch_size": 64, "image_size": 224},
]
REFERENCE = {"step_time_s": 0.2}
BENCHED = {**ROW, "image_size": {"train": 224, "eval": 256}}


def _read(tmp_path: Path, content: Any) -> list[dict[str, Any]]:
    path = tmp_path / "bench.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_benches(path)


@pytest.mark.parametrize("content", [[ROW], [BENCHED], {"rows": [ROW]}])
def test_rows_are_read_from_each_format(tmp_path: Path, content: Any) -> None:
    (bench,) = _read(tmp_path, content)
    assert bench["name"] == "b0"
    assert bench["step_time_s"] == 0.3
    assert bench["image_size"] == 224
    assert bench["parameters"] is None


@pytest.mark.parametrize("content", ["{", [], {}, "1", [1], [{"parameters": 1}], "[" * 10**5])
def test_another_file_is_refused_by_name(tmp_path: Path, content: Any) -> None:
    with pytest.raises(InvalidBenchFile, match=r"bench\.json: "):
        _read(tmp_path, content)
    with pytest.raises(InvalidBenchFile, match="cannot be read"):
        read_benches(tmp_path / "nowhere.json")


def test_a_bench_under_the_same_conditions_has_a_ratio(tmp_path: Path) -> None:
    (bench,) = _read(tmp_path, [ROW])
    assert relative_step_time(bench, RUN, REFERENCE) == pytest.approx(1.5)


@pytest.mark.parametrize("other", [{"device": "cpu"}, {"batch_size": 1}, {"image_size": 32}])
def test_a_bench_under_other_conditions_has_no_ratio(tmp_path: Path, other: dict[str, Any]) -> None:
    (bench,) = _read(tmp_path, [{**ROW, **other}])
    assert relative_step_time(bench, RUN, REFERENCE) is None
    assert relative_step_time(bench, RUN[:1], REFERENCE) is None
    assert relative_step_time(bench, RUN, None) is None
