"""Fixtures for a training that takes a moment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from nas.full_training.checkpoint import Normalization, TrainedNetwork
from nas.full_training.prepare import TrainRequest, prepare
from nas.full_training.settings import Job
from results.architecture_file import ArchitectureFile, write
from search_space.network import Network
from search_space.task import Task
from tests.nas.tiny import TINY_BACKBONE

MakeJob = Callable[..., Job]


@pytest.fixture
def tiny_arch_file(tmp_path: Path) -> Path:
    """A file for ``--arch``: a network with some hundred weights, at 8 px."""
    path = tmp_path / "tiny.json"
    write(path, ArchitectureFile("tiny", TINY_BACKBONE, 8, 8, Task(4, 1)))
    return path


@pytest.fixture
def make_job(tiny_arch_file: Path, tiny_data_file: Path, tmp_path: Path) -> MakeJob:
    """A function that prepares a training of three epochs in tmp_path/NAME."""

    def make(name: str = "run", **options: object) -> Job:
        given: dict[str, object] = {
            "arch": str(tiny_arch_file),
            "data": str(tiny_data_file),
            "out": tmp_path / name,
            "epochs": 3,
            "batch_size": 16,
            **options,
        }
        return prepare(TrainRequest(**given))  # type: ignore[arg-type]

    return make


@pytest.fixture
def tiny_trained() -> TrainedNetwork:
    """A network for digits with random weights."""
    torch.manual_seed(0)
    return TrainedNetwork(
        file=ArchitectureFile("tiny", TINY_BACKBONE, 8, 8, Task(10, 1)),
        weights=Network(TINY_BACKBONE, 10, 1).state_dict(),
        normalization=Normalization((78.0,), (96.0,)),
        data="digits",
        epoch=3,
        accuracy=0.5,
    )
