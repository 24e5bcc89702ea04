"""``nas scale --fit`` as people run it, killed half-way and gone on with."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from nas.run_directory import open_for_reading
from results.architecture_file import COEFFICIENTS, ArchitectureFile, coefficients, read, write
from scaling.coefficient_grid import TOLERANCE
from search_space.space import Space
from search_space.task import Task
from tests.nas.command_line import candidates, nas, start_nas
from tests.nas.conftest import Refusal

BUDGET = 6


@pytest.fixture
def base(tiny_space: Space, tmp_path: Path) -> Path:
    """A network for 8 px, as a search leaves it."""
    file = ArchitectureFile("winner", tiny_space.backbone, 8, 8, Task(10, 1), provenance={"run": 1})
    return write(tmp_path / "base.json", file)


def test_a_fit_from_base_to_family(base: Path, tiny_data_file: Path, tmp_path: Path) -> None:
    run = tmp_path / "fit"
    options = ("--from", base, "--fit", "--data", tiny_data_file, "--epochs", 1, "--workers", 1)
    process = start_nas("scale", *options, "--budget", BUDGET, "--out", run)
    _wait_for_the_first(run)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    resumed = nas("search", "--resume", run)
    assert resumed.returncode == 0, resumed.stderr

    rows = candidates(run)
    assert [row["state"] for row in rows] == ["complete"] * BUDGET
    assert len({(row["architecture_id"], row["image_size"]["train"]) for row in rows}) == BUDGET
    for row in rows:
        alpha, beta, gamma = (row["coefficients"][name] for name in COEFFICIENTS)
        assert alpha * beta**2 * gamma**2 == pytest.approx(2, abs=TOLERANCE)
        assert row["image_size"]["train"] >= 8 * gamma - 1
        assert row["normalized_step_time"] > 0
    assert len({row["image_size"]["train"] for row in rows}) > 1  # each at its own
    sizes = {row["number"]: row["image_size"]["train"] for row in rows}
    _, record = open_for_reading(run)
    with record:
        assert {c.number: c.image_size for c in record.candidates()} == sizes
        assert all(coefficients(c) for c in record.candidates())

    winner, top = read(run / "best.json"), max(rows, key=lambda row: row["reward"])
    assert winner.provenance["coefficients"] == top["coefficients"]
    assert winner.provenance["parent"]["name"] == "winner"
    assert winner.train_size == top["image_size"]["train"]
    table = nas("results", run).stdout
    assert "alpha" in table
    assert all(len(line) <= 80 or str(run) in line for line in table.splitlines())
    assert (run / "candidates.csv").read_text().splitlines()[0].endswith("alpha,beta,gamma")

    scaled = nas("scale", "--from", run / "best.json", "--to", "PHI0,PHI1,PHI3", "--json")
    members = json.loads(scaled.stdout)
    assert members[0]["stages"] == json.loads(base.read_text())["stages"]
    assert members[1]["stages"] == json.loads((run / "best.json").read_text())["stages"]
    counts = [member["multiply_adds"] for member in members]
    assert counts[0] < counts[1] < counts[2]
    assert members[2]["provenance"]["coefficients"] == top["coefficients"]
    (tmp_path / "phi3.json").write_text(json.dumps(members[2]))
    back = nas("scale", "--from", tmp_path / "phi3.json", "--to", "PHI0", "--json")
    assert json.loads(back.stdout)["stages"] == members[0]["stages"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--to: got nothing"),
        (["--to", "M", "--fit"], "--to: got M, but --fit"),
        (
            ["--to", "M", "--budget", "3"],
            "--budget: sets how --fit searches, so it must go with --fit",
        ),
        (["--fit", "--reward", "best"], "--reward: got 'best'"),
        (["--fit", "--data", "/nowhere"], "--data: got '/nowhere'"),
    ],
)
def test_mistakes_are_one_line(
    refusal: Refusal, base: Path, arguments: list[str], said: str
) -> None:
    assert refusal("scale", "--from", base, *arguments).startswith(said)


def _wait_for_the_first(run: Path) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        time.sleep(0.3)
        if nas("results", run).returncode == 0 and any(
            row["state"] == "complete" for row in candidates(run)
        ):
            return
    raise AssertionError("no candidate completed")
