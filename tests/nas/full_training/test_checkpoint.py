"""Checkpoints: writing is atomic, reading gives the same, other files get a one-line error."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from nas.full_training import checkpoint
from nas.full_training.checkpoint import (
    CheckpointError,
    Normalization,
    TrainedNetwork,
    read_network,
)
from nas.state_dicts import NotAStateDict, load_data
from results.architecture_file import ArchitectureFile
from search_space.network import Network
from search_space.task import Task
from tests.nas.full_disk import files_of_at_most
from tests.nas.tiny import TINY_BACKBONE


@pytest.fixture
def trained() -> TrainedNetwork:
    """A network of 4 classes and 1 channel whose weights are random."""
    torch.manual_seed(0)
    task = Task(4, 1)
    return TrainedNetwork(
        file=ArchitectureFile("tiny", TINY_BACKBONE, 8, 10, task, 7, 9),
        weights=Network(TINY_BACKBONE, 4, 1).state_dict(),
        normalization=Normalization((120.5,), (60.25,)),
        data="tiny.npz",
        epoch=3,
        accuracy=0.5,
        class_names=("cat", "dog", "emu", "fox"),
        minival_split="val",
    )


def _write(path: Path, network: TrainedNetwork, training: dict[str, Any] | None = None) -> None:
    checkpoint.write(path, checkpoint.encoded(network, training))


def _state(path: Path) -> dict[str, Any]:
    return checkpoint.training_state(path.read_bytes(), path)


def test_a_network_comes_back_as_it_was(trained: TrainedNetwork, tmp_path: Path) -> None:
    _write(tmp_path / "best.pt", trained)
    back = read_network(tmp_path / "best.pt")
    assert replace(back, weights={}) == replace(trained, weights={})
    network, images = trained.build(), torch.randn(2, 1, 8, 8)
    assert not network.training
    assert torch.equal(back.build()(images), network(images))
    assert [path.name for path in tmp_path.iterdir()] == ["best.pt"]


def test_a_file_of_an_earlier_release_does_not_say_where_its_minival_came_from(
    trained: TrainedNetwork, tmp_path: Path
) -> None:
    _write(tmp_path / "best.pt", trained)
    content = torch.load(tmp_path / "best.pt", weights_only=True)
    del content["minival_split"]
    torch.save(content, tmp_path / "best.pt")
    assert read_network(tmp_path).minival_split is None


def test_a_directory_stands_for_its_best_and_else_its_last(
    trained: TrainedNetwork, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match=r"has no checkpoint in it, best\.pt or last\.pt"):
        read_network(tmp_path)
    _write(tmp_path / "last.pt", trained)
    assert read_network(tmp_path).epoch == 3
    _write(tmp_path / "best.pt", replace(trained, epoch=2))
    assert read_network(tmp_path).epoch == 2


def test_a_trainings_state_is_kept_beside_the_network(
    trained: TrainedNetwork, tmp_path: Path
) -> None:
    state = {"epoch": 3, "moments": [torch.arange(3.0)], "name": "rmsprop"}
    _write(tmp_path / "last.pt", trained, state)
    back = _state(tmp_path / "last.pt")
    assert torch.equal(back.pop("moments")[0], torch.arange(3.0))
    assert back == {"epoch": 3, "name": "rmsprop"}
    _write(tmp_path / "best.pt", trained)
    with pytest.raises(
        CheckpointError, match="holds only a network, must hold a training state too"
    ):
        _state(tmp_path / "best.pt")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99])
def test_a_torn_file_is_said_in_one_line(
    trained: TrainedNetwork, tmp_path: Path, share: float
) -> None:
    path = tmp_path / "best.pt"
    _write(path, trained)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match=r"best\.pt: truncated, or not a checkpoint$"):
        read_network(path)


@pytest.mark.parametrize("content", [b"hello, world", b"0", b"(dp0\n.", b"\x80\x02}q\x00.", b"PK"])
def test_a_file_of_something_else_is_said_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"notes\.pt: (truncated, or )?not a checkpoint"):
        read_network(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"state": 1}, "not a checkpoint of this tool"),
        ({"weights": {}, "schema_version": 2}, "schema version 2, this release reads 1"),
        (
            {"weights": {}, "schema_version": 1, "architecture": {}},
            "not a checkpoint of this release",
        ),
    ],
)
def test_another_content_is_said_in_one_line(
    tmp_path: Path, content: dict[str, Any], message: str
) -> None:
    path = tmp_path / "other.pt"
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=message) as error:
        read_network(path)
    assert "\n" not in str(error.value)


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "evil.pt"
    torch.save({"weights": Path("/")}, path)  # any class but torch's could run code when it is read
    with pytest.raises(CheckpointError, match="truncated, or not a checkpoint"):
        read_network(path)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="No such file"):
        read_network(tmp_path / "none.pt")


@pytest.mark.parametrize("limit", [100, 5_000])
def test_a_full_disk_leaves_the_checkpoint_before(
    trained: TrainedNetwork, tmp_path: Path, limit: int
) -> None:
    path = tmp_path / "last.pt"
    _write(path, trained)
    before = path.read_bytes()
    with files_of_at_most(limit), pytest.raises(OSError, match="File too large"):
        _write(path, replace(trained, epoch=4), {"epoch": 4})
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["last.pt"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epoch": 10**18}, "epoch: got 1000000000000000000"),
        ({"accuracy": float("nan")}, "accuracy: got nan"),
        ({"class_names": ["x" * 10**6]}, "class_names: got 'xxx"),
        ({"class_names": 10**9}, "class_names: got 1000000000"),
        ({"normalization": {"mean": [1e30], "std": [1]}}, "mean: got 1e\\+30"),
        ({"values": [0, float("inf")]}, "values: got inf"),
        ({"data": 3}, "data: got 3"),
        ({"min_per_class": -1}, "min_per_class: got -1"),
    ],
)
def test_values_out_of_bounds_are_refused_in_one_line(
    trained: TrainedNetwork, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = tmp_path / "best.pt"
    _write(path, trained)
    torch.save({**torch.load(path, weights_only=True), **change}, path)
    with pytest.raises(CheckpointError, match=message) as error:
        read_network(path)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


def test_layers_without_an_end_are_refused(trained: TrainedNetwork, tmp_path: Path) -> None:
    path = tmp_path / "best.pt"
    _write(path, trained)
    content = torch.load(path, weights_only=True)
    content["architecture"]["stages"][0]["layers"] = 10**9
    torch.save(content, path)
    with pytest.raises(CheckpointError, match="layers: got 1000000000, must be"):
        read_network(path)


def test_a_compressed_file_is_refused_before_it_expands(
    trained: TrainedNetwork, tmp_path: Path
) -> None:
    path, bomb = tmp_path / "best.pt", tmp_path / "bomb.pt"
    _write(path, trained)
    with zipfile.ZipFile(path) as plain, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in plain.namelist():
            packed.writestr(name, plain.read(name) + b"\0" * 10**6)
    with pytest.raises(CheckpointError, match="truncated, or not a checkpoint"):
        read_network(bomb)
    with pytest.raises(NotAStateDict, match="compressed, must be as torch"):
        load_data(bomb)
