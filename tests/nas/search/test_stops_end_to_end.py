"""Successive halving, the bound and confirmation on real workers, killed in between."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from results.candidate import EVALUATED
from tests.nas.command_line import candidates, nas, start_nas
from tests.nas.conftest import Refusal

BUDGET = 8


@pytest.fixture
def options(tiny_space_file: Path, tiny_data_file: Path) -> tuple[object, ...]:
    """A search whose candidates take a moment, with all that stops and repeats them."""
    rules = ("--scheduler", "asha:grace=1,reduction=2", "--bound", "certain", "--confirm", 2)
    data = ("--space", tiny_space_file, "--data", tiny_data_file, "--epochs", 4)
    return (*data, *rules, "--budget", BUDGET, "--confirm-epochs", 5)


def test_killed_while_searching_and_while_confirming_it_spends_what_it_was_given(
    options: tuple[object, ...], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    arguments: tuple[object, ...] = (*options, "--out", run)
    for ending, how in (("candidate 2:", signal.SIGKILL), (" again,", signal.SIGINT)):
        process = start_nas("search", *arguments, "--workers", 2)
        assert process.stdout is not None
        for line in process.stdout:
            if ending in line:
                break
        process.send_signal(how)
        process.communicate(timeout=120)
        assert process.returncode in (-signal.SIGKILL, 130)
        arguments = ("--resume", run)
    last = nas("search", *arguments)
    assert last.returncode == 0, last.stderr

    rows = candidates(run)
    recorded = [row for row in rows if row["confirms"] is None]
    again = [row for row in rows if row["confirms"] is not None]
    assert sum(row["state"] in EVALUATED for row in recorded) == BUDGET
    assert all(
        row["stopped_at"] == row["epochs"] < 4 for row in recorded if row["state"] == "stopped"
    )
    assert {row["state"] for row in again} == {"complete"}
    trained = sum(row["state"] == "complete" for row in recorded)  # to the end; one at least
    assert [row["epochs"] for row in again] == [5] * 2 * min(2, trained)
    confirmation = json.loads((run / "best.json").read_text())["measurements"]["confirmation"]
    assert (confirmation["trainings"], confirmation["epochs"]) == (2, 5)
    assert confirmation["reward_sd"] is not None
    assert "trained again" in nas("results", run).stdout


@pytest.mark.parametrize(
    ("option", "says"),
    [
        (("--scheduler", "hyperband"), "--scheduler: got 'hyperband', must be none or asha"),
        (("--bound", "tight"), "--bound: got 'tight', must be one of none, certain, credible"),
        (("--confirm-seeds", 3), "--confirm-seeds: only allowed together with --confirm"),
        (("--confirm", 0), "--confirm: got '0', must be a whole number, 1 or more"),
    ],
)
def test_a_typo_is_one_line(
    refusal: Refusal, option: tuple[object, ...], says: str, tmp_path: Path
) -> None:
    assert refusal("search", *option, "--out", tmp_path / "run").startswith(says)
    assert not (tmp_path / "run").exists()
