"""``nas search`` as people run it: whole runs, Ctrl-C, SIGKILL at any moment."""

from __future__ import annotations

import json
import random
import signal
import time
from pathlib import Path

import pytest

from nas.run_directory import open_for_reading
from nas.search.settings import BASELINE
from results.candidate import State
from tests.nas.command_line import candidates, completed, nas, start_nas
from tests.nas.conftest import Refusal


@pytest.fixture
def options(tiny_space_file: Path, tiny_data_file: Path) -> tuple[object, ...]:
    """A search whose candidates take a moment."""
    return ("--space", tiny_space_file, "--data", tiny_data_file, "--epochs", 2, "--workers", 2)


def test_a_search_from_space_to_winner(
    refusal: Refusal, options: tuple[object, ...], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    done = nas("search", *options, "--budget", 4, "--out", run)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "4 of 4 · " in done.stdout
    assert "ray" not in done.stdout.replace("starting Ray\n", "").lower()
    names = {"best.json", "candidates.csv", "pareto.csv", "ray.log", "record.sqlite", "report.html"}
    assert names <= {path.name for path in run.iterdir()}

    rows = candidates(run)
    assert [row["state"] for row in rows] == ["complete"] * 4
    best = json.loads((run / "best.json").read_text())
    top = max(rows, key=lambda row: row["reward"])
    assert best["provenance"]["candidate"] == top["number"]
    assert best["measurements"]["reward"] == top["reward"]
    shown = nas("show", run / "best.json", "--json")
    assert json.loads(shown.stdout)["stages"] == top["stages"]
    table = nas("results", run, "--top", 1)
    assert table.returncode == 0
    assert f"{top['reward']:.4f}" in table.stdout
    assert all(len(line) <= 80 or str(run) in line for line in table.stdout.splitlines())

    again = nas("search", "--resume", run, "--budget", 5)
    assert again.returncode == 0, again.stderr
    assert len(completed(run)) == 5

    assert "--resume" in refusal("search", *options, "--out", run)


def test_a_search_ends_in_time_and_goes_on_with_more_hours(
    tiny_data_file: Path, tmp_path: Path
) -> None:
    """54 s, of which a busy machine needs most to start Ray and torch."""
    run = tmp_path / "run"
    what = ("--space", "small", "--data", tiny_data_file, "--epochs", 2, "--workers", 1)
    limits = ("--hours", 0.015, "--baseline", 0, "--price", 3600)
    begun_at = time.time()
    done = nas("search", *what, *limits, "--out", run)
    assert done.returncode == 0, done.stderr
    assert 54 - 20 < time.time() - begun_at < 54 + 20
    assert f"the time is up; go on with: nas search --resume {run} --hours H" in done.stdout
    assert " of about " in done.stdout
    assert " left · cost " in done.stdout
    _, record = open_for_reading(run)
    with record:
        settings, recorded = record.settings(), record.candidates()
    assert settings["until"] == pytest.approx(begun_at + 54, abs=10)
    ends = [c.finished_at for c in recorded if c.finished_at is not None]
    assert max(ends) <= settings["until"]
    more = nas("search", "--resume", run, "--hours", 1, "--budget", len(recorded) + 1)
    assert more.returncode == 0, more.stderr
    assert "the time is up" not in more.stdout
    assert len(completed(run)) == len(recorded) + 1


@pytest.mark.parametrize(
    ("signals", "code"),
    [
        ((signal.SIGINT,), 130),
        ((signal.SIGINT, signal.SIGINT), 130),
        ((signal.SIGTERM,), 143),
        ((signal.SIGTERM, signal.SIGTERM), 143),
        ((signal.SIGHUP,), 129),
    ],
)
def test_a_signal_keeps_what_finished(
    signals: tuple[signal.Signals, ...], code: int, options: tuple[object, ...], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    process = start_nas("search", *options, "--budget", 144, "--out", run)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("candidate"):
            break
    began = time.monotonic()
    for number in signals:
        process.send_signal(number)
        time.sleep(0.3)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert code == 130 or time.monotonic() - began < 5
    assert "Traceback" not in err
    assert f"nas search --resume {run}" in err
    assert completed(run)
    assert (run / "best.json").is_file()


def test_a_second_search_in_a_run_is_refused(
    refusal: Refusal, options: tuple[object, ...], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    first = start_nas("search", *options, "--budget", 144, "--out", run)
    assert first.stdout is not None
    for line in first.stdout:
        if line.startswith("candidate"):
            break
    try:
        assert "another search" in refusal("search", "--resume", run)
    finally:
        first.kill()
        first.communicate()


@pytest.mark.parametrize("seed", [0])
def test_killed_at_ten_random_moments_it_ends_as_an_uninterrupted_run(
    options: tuple[object, ...], tmp_path: Path, seed: int
) -> None:
    """The same candidates with the same accuracies, whenever the driver dies."""
    budget = 40
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    assert nas("search", *options, "--budget", budget, "--out", whole).returncode == 0

    moments = random.Random(seed)
    arguments: tuple[object, ...] = (*options, "--budget", budget, "--out", torn)
    kept: dict[int, tuple[str, float]] = {}
    for _ in range(10):
        process = start_nas("search", *arguments)
        time.sleep(moments.uniform(1.0, 14.0))
        process.kill()
        process.communicate()
        if (torn / "run.json").exists():
            arguments = ("--resume", torn)
            kept = _grown(torn, kept)
    last = nas("search", *arguments)
    assert last.returncode == 0, last.stderr
    assert completed(torn) == completed(whole)
    assert len(completed(torn)) == budget + BASELINE
    _, record = open_for_reading(torn)
    with record:
        assert all(c.state is not State.RUNNING for c in record.candidates())


def _grown(run: Path, before: dict[int, tuple[str, float]]) -> dict[int, tuple[str, float]]:
    """What is completed now, nothing of it lost."""
    if nas("results", run).returncode != 0:  # killed before the record was begun
        assert not before
        return before
    now = completed(run)
    assert before.items() <= now.items()
    return now
