"""``nas train`` as people run it: Ctrl-C, SIGKILL in an epoch and while a checkpoint is written."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from nas.full_training.checkpoint import read_network
from tests.nas.command_line import environment, nas, start_nas
from tests.nas.conftest import Refusal

SCRIPT = Path(__file__).with_name("killed_while_writing.py")
# Syncs of files and their folders: run.json 2; an epoch best.pt 2 where it is the best, last.pt 2,
# curve.csv 2. So the first epoch's best.pt, its last.pt, and its curve.csv are being written.
WHILE_WRITING = (3, 5, 7)


def test_whenever_it_is_killed_it_goes_on_to_the_same_result(
    tiny_arch_file: Path, tiny_data_file: Path, tmp_path: Path
) -> None:
    options = ("--arch", tiny_arch_file, "--data", tiny_data_file, "--epochs", 6)
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    done = nas("train", *options, "--out", whole)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""

    arguments: tuple[object, ...] = (*options, "--out", torn)
    for count in WHILE_WRITING:
        command = [sys.executable, str(SCRIPT), str(count), "train", *map(str, arguments)]
        killed = subprocess.run(command, env=environment(), capture_output=True, timeout=300)
        assert killed.returncode == -signal.SIGKILL
        arguments = ("--resume", torn)
    assert [path.name for path in torn.glob(".*.tmp")]  # the file that was being written
    _kill_in_epoch(arguments, 4)
    last = nas("train", *arguments)
    assert last.returncode == 0, last.stderr
    assert "resuming after epoch" in last.stdout
    assert not list(torn.glob(".*.tmp"))
    for name in ("best.pt", "last.pt"):
        ours, theirs = read_network(torn / name), read_network(whole / name)
        assert (ours.epoch, ours.accuracy) == (theirs.epoch, theirs.accuracy)
        for key, weight in theirs.weights.items():
            assert torch.equal(ours.weights[key], weight), key
    assert _columns(torn / "curve.csv") == _columns(whole / "curve.csv")


_LONG = ("--epochs", 5000, "--validate-every", 1)  # until a signal, with a line each epoch


@pytest.mark.parametrize(
    ("workers", "signals", "code"),
    [
        (1, (signal.SIGINT, signal.SIGINT, signal.SIGINT), 130),
        (1, (signal.SIGTERM,), 143),
        (1, (signal.SIGHUP,), 129),
        (2, (signal.SIGINT, signal.SIGINT, signal.SIGINT), 130),
        (2, (signal.SIGTERM, signal.SIGTERM), 143),
    ],
)
def test_a_signal_keeps_the_last_checkpoint(
    workers: int,
    signals: tuple[signal.Signals, ...],
    code: int,
    tiny_arch_file: Path,
    tiny_data_file: Path,
    tmp_path: Path,
) -> None:
    run = tmp_path / "run"
    options = ("--arch", tiny_arch_file, "--data", tiny_data_file, *_LONG)
    process = start_nas("train", *options, "--workers", workers, "--out", run)
    _wait_for_epoch(process, 2)
    began = time.monotonic()
    for number in signals:
        process.send_signal(number)
        time.sleep(0.2)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert time.monotonic() - began < 5
    assert "Traceback" not in err
    if len(signals) < 3:  # the third may come before the line
        assert f"interrupted; go on with: nas train --resume {run}\n" in err
    assert read_network(run).epoch >= 1
    assert not list(run.glob(".*"))


def test_ctrl_c_says_how_to_go_on(
    refusal: Refusal, tiny_arch_file: Path, tiny_data_file: Path, tmp_path: Path
) -> None:
    options = ("--arch", tiny_arch_file, "--data", tiny_data_file, *_LONG)
    run = tmp_path / "run"
    process = start_nas("train", *options, "--out", run)
    _wait_for_epoch(process, 2)
    try:
        second = refusal("train", "--resume", run, is_announced=True)
    finally:
        process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.rstrip() == f"interrupted; go on with: nas train --resume {run}"
    assert read_network(run).epoch >= 1
    assert second == f"{run}: another training is running in it"


def _kill_in_epoch(arguments: tuple[object, ...], epoch: int) -> None:
    """Kill the training with SIGKILL during that epoch."""
    process = start_nas("train", *arguments)
    _wait_for_epoch(process, epoch - 1)
    process.kill()
    process.communicate()


def _wait_for_epoch(process: subprocess.Popen[str], epoch: int) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(f"epoch {epoch}/") or line.startswith(f"epoch    {epoch}/"):
            return
    raise AssertionError(f"ended before epoch {epoch}: {process.communicate()}")


def _columns(path: Path) -> list[list[str]]:
    """Return the curve without its two columns of times."""
    return [line.split(",")[:-2] for line in path.read_text().splitlines()]
