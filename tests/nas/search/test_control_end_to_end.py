"""A search that is asked, while it runs, for a network and then to stop."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from results.control import FOLDER, Requests
from search_space.space_file import read_space
from tests.nas.command_line import candidates, nas, start_nas

BUDGET = 140  # more than are evaluated before the request to stop


@pytest.mark.parametrize("how", [("--workers", 1), ("--in-process",)])
def test_it_evaluates_the_network_stops_and_goes_on(
    how: tuple[object, ...], tiny_space_file: Path, tiny_data_file: Path, tmp_path: Path
) -> None:
    run, requests = tmp_path / "run", Requests(tmp_path / "run")
    options = ("--space", tiny_space_file, "--data", tiny_data_file, "--epochs", 1)
    process = start_nas("search", *options, "--budget", BUDGET, *how, "--out", run)
    assert process.stdout is not None
    for line in process.stdout:
        if "candidate 4:" in line:
            break
    space = read_space(tiny_space_file)
    point = space.encode(space.backbone)
    requests.ask_for(point)
    until = time.monotonic() + 60
    while requests.waiting() and time.monotonic() < until:
        time.sleep(0.05)
    assert requests.waiting() == []
    requests.ask_to_stop()
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert f"stopped, as asked on the page; go on with: nas search --resume {run}" in errors
    assert "the time is up" not in output
    assert not (run / FOLDER / "stop").exists()

    rows = candidates(run)
    found = {row["architecture_id"] for row in rows if row["state"] != "duplicate"}
    assert space.backbone.architecture_id in found
    assert len(rows) < BUDGET
    more = nas("search", "--resume", run, "--budget", len(rows) + 1, *how)
    assert more.returncode == 0, more.stderr
    assert len(candidates(run)) > len(rows)
