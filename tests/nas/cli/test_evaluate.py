"""``nas evaluate``: what it prints of a checkpoint, and what is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from nas.cli.evaluate import evaluate
from nas.full_training import checkpoint
from nas.full_training.checkpoint import Normalization, TrainedNetwork
from results.architecture_file import ArchitectureFile
from search_space.network import Network
from search_space.task import Task
from tests.nas.conftest import TINY_BACKBONE, Refusal
from tests.nas.data.pictures import class_folders


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A training's, of digits; the weights are random."""
    torch.manual_seed(0)
    network = TrainedNetwork(
        file=ArchitectureFile("tiny", TINY_BACKBONE, 8, 8, Task(10, 1)),
        weights=Network(TINY_BACKBONE, 10, 1).state_dict(),
        normalization=Normalization((78.0,), (96.0,)),
        data="digits",
        epoch=3,
        accuracy=0.5,
    )
    checkpoint.write(tmp_path / "best.pt", network)
    return tmp_path


def test_the_accuracies_stand_with_their_intervals(directory: Path) -> None:
    shown = CliRunner().invoke(evaluate, [str(directory), "--data", "digits"])
    assert shown.exit_code == 0, shown.output
    told = CliRunner().invoke(evaluate, [str(directory / "best.pt"), "--data", "digits", "--json"])
    data = json.loads(told.output)
    low, high = data["accuracy_ci"]
    assert 0 <= low < data["accuracy"] < high <= 1
    assert data["images"] == 360
    assert data["accuracy"] <= data["top_5_accuracy"]
    top_1 = (
        f"top-1     {100 * data['accuracy']:.2f} %  "
        f"(95 % interval {100 * low:.2f} to {100 * high:.2f} %)"
    )
    assert top_1 in shown.output.splitlines()
    assert "test      360 images at 8 px" in shown.output
    assert max(map(len, shown.output.splitlines())) <= 80


@pytest.mark.parametrize(("split", "said"), [("test", ""), ("val", " of val")])
def test_the_split_is_said_where_it_is_not_the_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: str, said: str
) -> None:
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))
    class_folders(tmp_path / "pets" / split, count=3)
    network = TrainedNetwork(
        file=ArchitectureFile("tiny", TINY_BACKBONE, 8, 8, Task(2, 3)),
        weights=Network(TINY_BACKBONE, 2, 3).state_dict(),
        normalization=Normalization((78.0,) * 3, (96.0,) * 3),
        data="pets",
        epoch=3,
        accuracy=0.5,
        class_names=("ant", "bee"),
    )
    checkpoint.write(tmp_path / "best.pt", network)
    arguments = [str(tmp_path), "--data", str(tmp_path / "pets")]
    shown = CliRunner().invoke(evaluate, arguments).output
    assert f"test      6 images{said} at 8 px" in shown.splitlines()
    told = json.loads(CliRunner().invoke(evaluate, [*arguments, "--json"]).output)
    assert told["split"] == split


def test_what_is_no_checkpoint_is_one_line(refusal: Refusal, tmp_path: Path) -> None:
    message = refusal("evaluate", tmp_path, "--data", "digits")
    assert message == f"CHECKPOINT: {tmp_path}: has no checkpoint in it, best.pt or last.pt"
