"""How long trainings are to be, and who does them."""

from __future__ import annotations

import pytest

from results.candidate import BACKBONE
from results.running import WorkerNames, planned_epochs

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
