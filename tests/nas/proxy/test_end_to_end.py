"""``nas proxy`` as people run it: killed half-way, gone on with, extended, and searched like."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import nas as library
from nas.run_directory import open_for_reading
from results.candidate import FULL, PROXY, Candidate, State
from tests.nas.command_line import candidates, nas, start_nas

OPTIONS = (
    "--epochs", 1, "--full-epochs", 2, "--networks", 4, "--repeats", 1, "--try", "data=0.5",
)  # fmt: skip


def recorded(run: Path) -> list[Candidate]:
    _, record = open_for_reading(run)
    with record:
        return record.candidates()


def learned(run: Path) -> dict[tuple[str, str | None, int], float | None]:
    """Return the accuracies by network, fidelity, and seed."""
    return {(c.architecture.architecture_id, c.fidelity, c.seed): c.accuracy for c in recorded(run)}


def test_a_comparison_that_is_killed_and_resumed_is_the_same(
    tiny_data_file: Path, tmp_path: Path
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    options = ("proxy", "--data", tiny_data_file, *OPTIONS)
    done = nas(*options, "--in-process", "--out", whole)
    assert done.returncode == 0, done.stderr
    assert "networks 4, from the smallest to the largest, 1 of them twice" in done.stdout
    assert "4 networks were trained by the proxy" in done.stdout
    assert f"nas proxy --resume {whole} --networks" in done.stdout

    process = start_nas(*options, "--workers", 1, "--out", killed)
    _wait_for_full_trainings(killed, 2)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    resumed = nas("proxy", "--resume", killed, "--json")
    assert resumed.returncode == 0, resumed.stderr
    assert learned(killed) == learned(whole)
    _check_json(json.loads(resumed.stdout), killed)

    more = nas("proxy", "--resume", killed, "--networks", 6, "--in-process")
    assert more.returncode == 0, more.stderr
    assert learned(killed).items() > learned(whole).items()
    assert sum(c.confirms is None for c in recorded(killed)) == 6
    table = nas("results", killed)
    assert "6 networks were trained by the proxy" in table.stdout
    refused = nas("search", "--resume", killed)
    assert refused.returncode == 2
    assert f"a comparison; go on with: nas proxy --resume {killed}" in refused.stderr


def _wait_for_full_trainings(run: Path, count: int) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        if (run / "run.json").exists():
            ended = [c for c in recorded(run) if c.fidelity and c.state is State.COMPLETE]
            if len(ended) >= count:
                return
        time.sleep(0.1)
    raise AssertionError("no training ended")


def _check_json(result: dict[str, Any], run: Path) -> None:
    rows = candidates(run)
    full = {row["confirms"]: row for row in rows if row["fidelity"] == FULL}
    assert result["networks"] == len(full) == 4
    assert [row["epochs"] for row in rows if row["fidelity"] == FULL] == [2] * 5
    assert sum(row["fidelity"] == PROXY for row in rows) == 1
    assert sum(row["fidelity"] == "data=0.5" for row in rows) == 4
    assert result["trained_twice"] == 1
    for point in result["points"]:
        row = next(row for row in rows if row["number"] == point["number"])
        assert point["proxy"][0]["accuracy"] == row["accuracy"]
        assert point["full"][0]["accuracy"] in {
            other["accuracy"] for other in rows
            if other["confirms"] == row["number"] and other["fidelity"] == FULL
        }  # fmt: skip
    tau = result["proxy"]["tau"]
    assert tau["interval"][0] <= tau["value"] <= tau["interval"][1]


def test_a_search_takes_the_proxy_over(tiny_data_file: Path, tmp_path: Path) -> None:
    run, search = tmp_path / "run", tmp_path / "search"
    compared = library.proxy(
        tiny_data_file, networks=4, repeats=0, epochs=2, full_epochs=3, data_share=0.5,
        image_size=6, full_size=8, flip=True, in_process=True, quiet=True, out=run,
    )  # fmt: skip
    assert compared.comparison is not None
    assert compared.comparison.networks == 4
    assert {c.curve[-1].epoch for c in recorded(run) if c.fidelity is None} == {2}
    assert {c.step_time.image_size for c in recorded(run) if c.step_time and c.fidelity} == {8}
    assert "worth starting" in compared.verdict

    found = library.search(
        like=run, budget=2, batch_size=16, in_process=True, quiet=True, out=search
    )
    settings = found.settings
    assert settings["data"] == str(tiny_data_file)
    assert (settings["epochs"], settings["image_size"], settings["data_share"]) == (2, 6, 0.5)
    assert settings["recipe_options"] == {"flip": True}
    assert settings["batch_size"] == 16, "an option beside --like goes first"
    assert settings["space"] == compared.settings["space"]
    assert found.comparison is None
    # The same training as the comparison's, on images that were loaded at another size.
    assert {len(c.curve) for c in recorded(search)} == {2}
