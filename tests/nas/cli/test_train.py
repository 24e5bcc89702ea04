"""``nas train``: what is refused before anything is loaded, and its options' names."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from nas.cli.evaluate import evaluate
from nas.cli.train import train
from nas.full_training import checkpoint
from nas.full_training.checkpoint import Normalization, TrainedNetwork
from nas.full_training.settings import Job
from results.architecture_file import ArchitectureFile
from search_space.network import Network
from search_space.task import Task
from tests.nas.conftest import Refusal
from tests.nas.data.pictures import class_folders
from tests.nas.tiny import TINY_BACKBONE


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--epochs", "0"], "--epochs: got '0', must be a whole number, 1 or more"),
        (["--image-size", "2"], "--image-size: got '2', must be a whole number, from 4 to 4096"),
        (["--batch-size", "1"], "--batch-size: got '1', must be a whole number, 2 or more"),
        (["--workers", "0"], "--workers: got '0', must be a whole number, 1 or more"),
        (["--patience", "0"], "--patience: got '0', must be a whole number, 1 or more"),
        (["--preset", "imagenette"], "--recipe: got 'imagenette', must be one of imagenet, "),
    ],
)
def test_a_bad_option_is_refused(refusal: Refusal, arguments: list[str], said: str) -> None:
    assert said in refusal("train", *arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--arch: must be given, or --resume"),
        (["--arch", "efficientnet-b0"], "--data: must be given"),
        (["--log", "paper"], "--log: got 'paper', must be one or more of tensorboard"),
    ],
)
def test_what_is_missing_or_unknown_is_one_line(
    refusal: Refusal, arguments: list[str], said: str
) -> None:
    assert refusal("train", *arguments).startswith(said)


@pytest.mark.parametrize(
    ("splits", "said"),
    [
        (("train", "val", "test"), ["more: nas evaluate {out} --data {data}"]),
        (
            ("train", "val"),
            [
                "test: the data has no test split",
                "more: nas evaluate {out} --data {data} --split validation",
            ],
        ),
        (
            ("train",),
            [
                "test: the data has no test split",
                "more: nas evaluate measures on test images of the same classes",
            ],
        ),
    ],
)
def test_at_the_end_it_names_a_command_that_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, splits: tuple[str, ...], said: list[str]
) -> None:
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))
    data, out = tmp_path / "our pets", tmp_path / "out"
    for split in splits:
        class_folders(data / split)
    arguments = ["--arch", "efficientnet-b0", "--data", str(data), "--out", str(out)]
    monkeypatch.setattr("nas.full_training.run.run_training", _trained)
    ended = CliRunner().invoke(train, [*arguments, "--image-size", "8", "--batch-size", "4"])
    lines = [line.format(out=out, data=f"'{data}'") for line in said]
    assert ended.stdout.splitlines()[-len(lines) :] == lines, ended.output
    assert ended.stdout.count("no test split") == len(lines) - 1
    if splits != ("train",):
        command = shlex.split(lines[-1].removeprefix("more: nas evaluate "))
        measured = CliRunner().invoke(evaluate, command)
        assert measured.exit_code == 0, measured.output


def _trained(job: Job, *_: object) -> TrainedNetwork:
    """Write a network with random weights as the best epoch."""
    weights = Network(TINY_BACKBONE, 2, 3).state_dict()
    file = ArchitectureFile("tiny", TINY_BACKBONE, 8, 8, Task(2, 3))
    normalization = Normalization((78.0,) * 3, (96.0,) * 3)
    names = job.data.class_names
    network = TrainedNetwork(file, weights, normalization, job.settings.data, 1, 0.5, names)
    checkpoint.write(job.directory.best, checkpoint.encoded(network))
    return network


def test_resumed_with_other_workers_it_says_what_that_means(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[int] = []

    def interrupted(job: Job, workers: int, *_: object) -> None:
        used.append(workers)
        raise KeyboardInterrupt

    monkeypatch.setattr("nas.full_training.run.run_training", interrupted)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr("nas.full_training.prepare.available_cores", lambda: 4)
    run = str(tmp_path / "run")
    new = ["--arch", "efficientnet-b0", "--data", "digits", "--batch-size", "64", "--out", run]
    outputs = [
        CliRunner().invoke(train, arguments).output
        for arguments in (
            [*new, "--workers", "2"], ["--resume", run], ["--resume", run, "--workers", "4"],
        )
    ]  # fmt: skip
    assert used == [2, 2, 4]
    said = (
        "--workers: got 4, but the training began with 2, so its outcome will differ from that of"
    )
    assert [said in output for output in outputs] == [False, False, True]
