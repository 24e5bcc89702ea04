"""The files of a run are computed from its candidates, and are whole or absent."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from results import architecture_file
from results.atomic import write_text
from results.candidate import Candidate, State
from results.files import write_files
from reward.objective import Objective
from search_space.task import Task

MakeCandidate = Callable[..., Candidate]


def _names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_three_files_are_written_from_the_candidates(
    tmp_path: Path, make_candidate: MakeCandidate
) -> None:
    candidates = [
        make_candidate(0, step_s=0.2),
        make_candidate(1, step_s=0.1),
        make_candidate(2, state=State.FAILED, accuracy=None, cause="diverged"),
    ]
    write_files(tmp_path, candidates, Objective(), run_id="a", task=Task(10, 1))
    assert _names(tmp_path) == ["best.json", "candidates.csv", "pareto.csv"]
    assert pd.read_csv(tmp_path / "candidates.csv")["number"].tolist() == [0, 1, 2]
    assert pd.read_csv(tmp_path / "pareto.csv")["number"].tolist() == [1]
    file = architecture_file.read(tmp_path / "best.json")
    assert file.architecture == candidates[1].architecture
    assert file.measurements["device"] == "cpu"
    assert file.provenance == {
        "run": "a",
        "candidate": 1,
        "seed": 7,
        "git_commit": "abc",
        "versions": {"torch": "2.13.0"},
    }


def test_without_a_reward_there_is_no_best_json(
    tmp_path: Path, make_candidate: MakeCandidate
) -> None:
    write_files(
        tmp_path, [make_candidate(accuracy=None)], Objective(), run_id="a", task=Task(10, 1)
    )
    assert _names(tmp_path) == ["candidates.csv", "pareto.csv"]


def test_a_failed_write_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(_: int) -> None:
        raise OSError("no room")

    path = write_text(tmp_path / "a.json", "old")
    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(OSError, match="no room"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert _names(tmp_path) == ["a.json"]
