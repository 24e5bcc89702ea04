"""``nas train --address`` on clusters of real ``ray start`` processes, some of which are killed."""

from __future__ import annotations

import csv
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nas.errors import UserError
from nas.full_training.checkpoint import read_network
from nas.full_training.ray_backend import train_on_workers
from tests.nas.command_line import nas, start_nas
from tests.nas.conftest import Refusal
from tests.nas.data.pictures import class_folders
from tests.nas.full_training.conftest import MakeJob
from tests.nas.ray_machines import RayMachines, ray_machines


@pytest.fixture(scope="module")
def machines() -> Iterator[RayMachines]:
    """Two machines, whose cluster wants a token."""
    with ray_machines(token="0123456789abcdef" * 4) as machines:
        yield machines


@pytest.fixture
def options(tiny_arch_file: Path, tiny_data_file: Path) -> tuple[object, ...]:
    """Options of a training with two processes."""
    return ("--arch", tiny_arch_file, "--data", tiny_data_file, "--workers", 2)


@pytest.fixture
def _token(machines: RayMachines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", machines.token)


@pytest.mark.usefixtures("_token")
def test_the_checkpoints_come_back_from_the_machines(
    machines: RayMachines, options: tuple[object, ...], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    done = nas("train", *options, "--epochs", 3, "--address", machines.address, "--out", run)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "training on 2 x" in done.stdout
    assert read_network(run / "last.pt").epoch == 3
    assert _epochs(run) == [1, 2, 3]


@pytest.mark.usefixtures("_token")
def test_more_workers_than_the_cluster_has_are_refused_and_nothing_is_left(
    machines: RayMachines, refusal: Refusal, options: tuple[object, ...], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    place = ("--address", machines.address, "--out", run)
    message = refusal("train", *options[:-1], 4, *place, is_announced=True)
    assert message.startswith("--workers: got 4, must be from 1 to 2: there are 2 cores")
    assert not run.exists()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Ray Data, which Ray Train imports
@pytest.mark.usefixtures("_token")
def test_a_machine_without_the_data_is_one_line(
    machines: RayMachines, make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here this machine plays the other: the data is deleted once the training is prepared."""
    monkeypatch.setattr("nas.data.cache.dataset.SENT_BYTES", 0)
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))
    folder = class_folders(tmp_path / "pets")
    job = make_job(data=str(folder), batch_size=2)
    shutil.rmtree(folder)
    shutil.rmtree(tmp_path / "cache")
    with pytest.raises(UserError, match=r"^\S+: --data: got .*pets, no such file") as error:
        train_on_workers(job, 1, lambda event: None, machines.address)
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_it_goes_on_while_enough_machines_are_left(
    options: tuple[object, ...], tmp_path: Path
) -> None:
    """Of three machines, one after the other is lost, and the training needs two."""
    run = tmp_path / "run"
    with ray_machines(3) as machines:
        place = ("--epochs", 5000, "--address", machines.address, "--out", run)
        process = start_nas("train", *options, *place)
        _wait_for(process, r"epoch +3/")
        machines.lose(machines.with_process("RayTrainWorker"))
        _wait_for(process, "a worker died; all workers restart from the last checkpoint")
        _wait_for(process, "resuming after epoch [0-9]+ on 2 x")
        machines.lose(machines.with_process("RayTrainWorker"))
        _, err = process.communicate(timeout=120)
        assert process.returncode == 1
        assert err.splitlines() == [
            "nas: --workers 2: machines were lost, and the cluster has 1 of 2 cores now; with "
            "fewer --workers, training fits on what is left; go on with: "
            f"nas train --resume {run} --address {machines.address}"
        ]
        done = read_network(run / "last.pt").epoch
        assert _epochs(run) == list(range(1, done + 1))
        again = start_nas("train", "--resume", run, "--address", machines.address, "--workers", 1)
        assert f"after epoch {done} on" in _wait_for(again, "resuming after")
        again.send_signal(signal.SIGTERM)
        _, err = again.communicate(timeout=5)
        assert again.returncode == 143
        assert err.rstrip().splitlines()[-1] == f"interrupted; go on with: nas train --resume {run}"


def _wait_for(process: subprocess.Popen[str], pattern: str) -> str:
    """Return the next line of the output that begins with the pattern."""
    assert process.stdout is not None
    for line in process.stdout:
        if re.match(pattern, line):
            return line
    raise AssertionError(f"ended before {pattern!r}: {process.communicate()}")


def _epochs(run: Path) -> list[int]:
    with (run / "curve.csv").open() as file:
        return [int(row["epoch"]) for row in csv.DictReader(file)]
