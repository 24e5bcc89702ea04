"""How long trainings are to be, and who does them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from results.candidate import BACKBONE, Candidate, State
from results.running import FILE, RunningFile, WorkerNames, planned_epochs, read_running

SETTINGS = {"epochs": 10, "confirm_epochs": 30}
PROXY = {
    "epochs": 10,
    "proxy": {
        "fidelities": {"full": {"epochs": 50, "image_size": 32, "data_share": 1.0}},
        "repeats": 2,
        "precision": None,
    },
}


@pytest.mark.parametrize(
    ("settings", "confirms", "fidelity", "epochs"),
    [
        (SETTINGS, None, None, 10),
        (SETTINGS, BACKBONE, None, 10),
        (SETTINGS, 3, None, 30),
        ({"epochs": 10}, 3, None, 10),
        (PROXY, 3, "full", 50),
        (PROXY, 3, "proxy", 10),
        ({}, None, None, None),
        ({"epochs": "many"}, None, None, None),
        ({"epochs": 10, "proxy": 7}, 3, "full", None),
    ],
)
def test_epochs_are_planned_by_the_settings(
    settings: dict[str, object], confirms: int | None, fidelity: str | None, epochs: int | None
) -> None:
    assert planned_epochs(settings, confirms, fidelity) == epochs


def test_workers_have_names_by_the_order_in_which_they_report() -> None:
    names = WorkerNames(["a/301", None, "a/17", "a/301"])
    assert names.names() == {"a/301": "worker 1", "a/17": "worker 2"}
    assert names.name("a/4") == "worker 3"
    assert names.name(None) == ""


def test_on_several_machines_the_machine_is_named() -> None:
    names = WorkerNames(["node-a/301", "node-b/301", "node-a/302"])
    assert names.names() == {
        "node-a/301": "node-a 1",
        "node-a/302": "node-a 2",
        "node-b/301": "node-b 1",
    }


def test_what_runs_can_be_read_until_it_has_ended(
    make_candidate: Callable[..., Candidate], tmp_path: Path
) -> None:
    one = make_candidate(3, state=State.RUNNING, accuracy=None, worker="a/17")
    other = make_candidate(2, state=State.RUNNING, curve=(), step_time=None, parameters=None)
    file = RunningFile(tmp_path, lambda _: 10)
    file(one)
    file(other)
    second, first = read_running(tmp_path)[::-1]
    assert (first["number"], first["curve"], first["accuracy"]) == (2, [], None)
    assert second["curve"] == [[1, 2.5, 0.5, 1.5], [2, 1.25, 0.75, 3.0]]
    assert (second["accuracy"], second["epochs"], second["worker"]) == (0.75, 10, "a/17")
    assert (second["step_time_s"], second["normalized_step_time"]) == (0.1, 0.5)
    assert [stage["operator"] for stage in second["stages"]] == ["fused_mbconv", "mbconv"]
    file(make_candidate(3))
    assert [entry["number"] for entry in read_running(tmp_path)] == [2]
    file.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "{", "7", '[7, {"number": "x"}, {}]', "[" * 10_000])
def test_a_file_from_elsewhere_may_hold_anything(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    assert read_running(tmp_path) == []


def test_a_directory_that_cannot_be_written_disturbs_nothing(
    make_candidate: Callable[..., Candidate], tmp_path: Path
) -> None:
    file = RunningFile(tmp_path / "gone", lambda _: None)
    file(make_candidate(0, state=State.RUNNING))
    file.close()
