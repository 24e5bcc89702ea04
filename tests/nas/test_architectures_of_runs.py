"""ARCH as RUN#7, and as a candidate of ``nas results --json`` that was saved as a file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nas.architectures import find_architecture
from nas.errors import UserError
from nas.run_directory import create_run
from results.architecture_file import read
from results.candidate import Candidate, CurvePoint, State
from results.files import write_files
from reward.objective import Objective
from reward.step_time.measurement import StepTime
from search_space.spaces import small
from search_space.task import Task
from tests.nas.command_line import candidates, nas

SETTINGS = {"reward": "product", "classes": 10, "in_channels": 1, "image_size": 8}
CURVE = tuple(CurvePoint(epoch, 1.0, 0.5, 1.0) for epoch in (1, 2))
WINNER = Candidate(
    0,
    State.COMPLETE,
    small(8).backbone,
    seed=5,
    accuracy=0.75,
    parameters=1000,
    multiply_adds=5000,
    reference_parameters=2000,
    step_time=StepTime((0.13,) * 7, (0.1,) * 7, 10**9, "cpu", 8, 64),
    curve=CURVE,
    versions={"torch": "2.13.0", "git_commit": "abc"},
)
CANDIDATES = (
    WINNER,
    replace(WINNER, number=1, accuracy=0.5),
    Candidate(2, State.FAILED, small(8).backbone, seed=6, cause="diverged"),
    replace(WINNER, number=3, confirms=0, accuracy=0.625),
    replace(WINNER, number=4, confirms=1, accuracy=0.25),
)


def _run(path: Path, candidates: tuple[Candidate, ...], settings: dict[str, Any]) -> Path:
    run = create_run(path, None)
    with run.create_record(settings) as record:
        record.add(candidates)
        write_files(path, candidates, Objective(), record.run_id, Task(10, 1), settings)
    return path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with a winner, another candidate, one that failed, and both of the first again."""
    return _run(tmp_path / "run", CANDIDATES, SETTINGS)


def test_the_winner_by_its_number_is_best_json(run: Path) -> None:
    assert find_architecture(f"{run}#0") == read(run / "best.json") == find_architecture(str(run))


def test_another_candidate_has_its_measurements_and_its_origin(run: Path) -> None:
    file = find_architecture(f"{run}#1")
    best = read(run / "best.json")
    assert file.architecture == small(8).backbone
    assert (file.name, file.task, file.eval_size) == ("candidate-1", Task(10, 1), 8)
    assert (file.parameters, file.multiply_adds) == (1000, 5000)
    assert file.measurements["step_time_s"] == 0.13
    assert file.measurements["accuracy"] == 0.25  # of the training that confirms it
    assert file.measurements["confirmation"]["accuracy_mean"] == 0.375
    assert file.provenance == {**best.provenance, "candidate": 1}


def test_a_candidate_need_not_be_complete(run: Path) -> None:
    file = find_architecture(f"{run}#2")
    assert (file.architecture, file.eval_size, file.task) == (small(8).backbone, 8, Task(10, 1))
    assert (file.provenance["candidate"], file.provenance["seed"]) == (2, 6)


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ("#5", "ARCH: {run}: no candidate 5: it has 0 to 4"),
        ("#best", "ARCH: got '{run}#best', must end in a candidate's number, such as {run}#7"),
        ("#", "ARCH: got '{run}#', must end in a candidate's number, such as {run}#7"),
        ("#-1", "ARCH: got '{run}#-1', must end in a candidate's number, such as {run}#7"),
        ("x#1", "ARCH: got {run}x, must be a run's directory, with a run.json"),
        ("/best.json#1", "ARCH: got {run}/best.json, must be a run's directory, with a run.json"),
    ],
)
def test_what_is_wrong_with_a_candidate(run: Path, end: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        find_architecture(f"{run}{end}")
    assert str(error.value) == message.format(run=run)


def test_a_run_without_candidates(tmp_path: Path) -> None:
    path = _run(tmp_path / "new", (), SETTINGS)
    with pytest.raises(UserError, match=r"no candidate 0: it has none yet$"):
        find_architecture(f"{path}#0")


def test_a_run_without_its_record(run: Path) -> None:
    (run / "record.sqlite").unlink()
    with pytest.raises(UserError, match=r"^ARCH: .*record\.sqlite") as error:
        find_architecture(f"{run}#0")
    assert error.value.exit_code == 1


def test_settings_without_a_task_are_one_line(tmp_path: Path) -> None:
    path = _run(tmp_path / "old", CANDIDATES, {"reward": "product"})
    with pytest.raises(UserError, match=r"^ARCH: \S+: classes: got None, must be a whole number"):
        find_architecture(f"{path}#2")


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_saved_entry_of_the_table_is_an_architecture(run: Path, number: int) -> None:
    path = run / "entry.json"
    path.write_text(json.dumps(candidates(run)[number]))
    file, expected = find_architecture(str(path)), find_architecture(f"{run}#{number}")
    for name in ("name", "architecture", "train_size", "eval_size", "task", "parameters"):
        assert getattr(file, name) == getattr(expected, name)
    assert file.measurements.get("accuracy") == CANDIDATES[number].accuracy
    assert file.measurements.get("step_time_s") == expected.measurements.get("step_time_s")
    for key in ("run", "candidate", "seed"):
        assert file.provenance[key] == expected.provenance[key]


def test_the_whole_table_is_refused(run: Path) -> None:
    path = run / "table.json"
    path.write_text(nas("results", run, "--json").stdout)
    with pytest.raises(UserError, match=r"holds 5 candidates, must hold one; or name RUN#7"):
        find_architecture(str(path))
