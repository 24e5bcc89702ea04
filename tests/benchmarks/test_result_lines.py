"""Results of a killed benchmark are found again, and never mixed with those of another."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.result_lines import ResultLines, read_lines
from nas.errors import UserError

HEADER = {"epochs": 3, "rates": (1, 2)}


def test_results_are_found_again(tmp_path: Path) -> None:
    path = tmp_path / "made" / "lines.jsonl"
    lines = ResultLines(path, HEADER)
    lines.add("rate", {"network": "a", "learning_rate": 0.1})
    lines.add("training", {"network": "a", "seed": 0, "curve": [{"accuracy": 0.5}]})
    again = ResultLines(path, HEADER)
    assert again.find("rate", network="a", learning_rate=0.1)
    assert again.find("training", seed=0) == lines.find("training", seed=0)
    assert not again.find("training", seed=1)
    assert not again.find("rate", network="b")


@pytest.mark.parametrize("kept", range(0, 60, 7))
def test_a_file_that_was_cut_off_loses_the_torn_line_only(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "lines.jsonl"
    lines = ResultLines(path, HEADER)
    lines.add("rate", {"network": "a"})
    whole = path.read_bytes()
    lines.add("rate", {"network": "b", "note": "x" * 40})
    path.write_bytes(path.read_bytes()[: len(whole) + kept])
    again = ResultLines(path, HEADER)
    again.add("rate", {"network": "c"})
    assert [line["network"] for line in read_lines(path)[1]] == ["a", "c"]


def test_a_file_that_was_cut_off_in_its_header_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text('{"header": {"epo')
    assert not ResultLines(path, HEADER).find("rate")
    assert read_lines(path)[0]["epochs"] == 3


def test_results_of_other_settings_are_refused(tmp_path: Path) -> None:
    ResultLines(tmp_path / "lines.jsonl", HEADER)
    with pytest.raises(UserError, match=r"--out: .* epochs = 3, must be another directory for 4"):
        ResultLines(tmp_path / "lines.jsonl", {**HEADER, "epochs": 4})


@pytest.mark.parametrize("content", ["", "{}\n", "[]\n", "no JSON\n", '"text"\n'])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "lines.jsonl").write_text(content)
    with pytest.raises(UserError, match="must hold results of this command"):
        read_lines(tmp_path / "lines.jsonl")


def test_a_directory_without_results_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"which has no lines\.jsonl"):
        read_lines(tmp_path / "lines.jsonl")


def test_without_a_path_results_are_in_memory_only(tmp_path: Path) -> None:
    lines = ResultLines(None, HEADER)
    lines.add("rate", {"network": "a"})
    assert lines.find("rate")
    assert not list(tmp_path.iterdir())
