"""Several processes train one network; one that is killed is restarted."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nas.full_training.checkpoint import read_network
from reward.step_time.clocks import processor_name
from tests.nas.command_line import environment, start_nas
from tests.nas.conftest import Refusal


@pytest.fixture
def options(tiny_arch_file: Path, tiny_data_file: Path) -> tuple[object, ...]:
    """Options of a training with two processes."""
    return ("--arch", tiny_arch_file, "--data", tiny_data_file, "--workers", 2)


def test_a_killed_process_is_started_again_from_the_last_checkpoint(
    options: tuple[object, ...], tmp_path: Path
) -> None:
    """--out is a relative path, because the workers have another working directory."""
    process = start_nas("train", *options, "--epochs", 8, "--out", "run", cwd=tmp_path)
    assert process.stdout is not None
    killed, lines = False, []
    for line in process.stdout:
        lines.append(line.rstrip())
        if not killed and line.startswith("epoch 2/"):
            os.kill(_processes(process.pid)[-1], signal.SIGKILL)
            killed = True
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert err == ""
    assert f"training on 2 x {processor_name()}, 1 thread" in lines
    (lost,) = [line for line in lines if line.startswith("a worker died")]
    (again,) = [line for line in lines if line.startswith("resuming after epoch")]
    assert lines.index(lost) < lines.index(again)
    with (tmp_path / "run" / "curve.csv").open() as file:
        assert [int(row["epoch"]) for row in csv.DictReader(file)] == list(range(1, 9))
    assert read_network(tmp_path / "run" / "last.pt").epoch == 8


def test_more_workers_than_the_machine_has_are_refused(
    refusal: Refusal, options: tuple[object, ...], tmp_path: Path
) -> None:
    message = refusal("train", *options[:-1], 999, "--out", tmp_path / "run")
    assert message.startswith("--workers: got 999, must be from 1 to ")


def test_gpus_that_torch_cannot_use_are_refused_in_words(
    options: tuple[object, ...], tmp_path: Path
) -> None:
    """Ray counts the GPUs of a cluster by itself, whatever torch is there."""
    script = Path(__file__).with_name("train_without_torchs_gpu.py")
    run = tmp_path / "run"
    command = [sys.executable, script, "train", *options, "--out", run]
    done = subprocess.run(
        [str(part) for part in command],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 1
    says = (
        r"nas: .*: Ray gives its workers a GPU, but torch .* (is built without CUDA|cannot use it)"
    )
    assert re.match(says, done.stderr), done.stderr
    assert done.stderr.count("\n") == 1
    assert not run.exists()


def _processes(driver: int) -> list[int]:
    """Return the process ids of Ray Train's workers, which descend from the driver."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    )
    rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
    ours, found = {driver}, []
    for _ in range(5):  # driver, Ray's daemons, its workers
        ours |= {int(pid) for pid, parent, _ in rows if int(parent) in ours}
    for pid, _, command in rows:
        if int(pid) in ours and "RayTrainWorker" in command:
            found.append(int(pid))
    return found
