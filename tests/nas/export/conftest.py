"""A winner of a search, as an architecture and as a trained model."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from nas.architectures import with_counts
from nas.export.weights_file import with_random_weights
from nas.full_training.checkpoint import Normalization
from nas.weights import Model, TrainingSummary
from results.architecture_file import ArchitectureFile
from search_space.spaces import SPACES
from search_space.task import Task


@pytest.fixture(autouse=True)
def _steady(_one_thread: None) -> None:
    """Run torch on one thread: many test processes on few cores would wait for one another."""


@pytest.fixture
def digits_file() -> ArchitectureFile:
    """The architecture of a search's winner on digits, with its counts."""
    network = SPACES["small"](8).sample(random.Random(3))
    return with_counts(ArchitectureFile("winner", network, 8, 8, Task(10, 1)))


@pytest.fixture
def digits_model(digits_file: ArchitectureFile) -> Model:
    """The winner as a trained model."""
    training = TrainingSummary(
        data="digits",
        epoch=12,
        accuracy=0.9725,
        normalization=Normalization((77.5,), (91.25,)),
        class_names=tuple("0123456789"),
        interpolation="bilinear",
    )
    return replace(with_random_weights(digits_file, 1), origin="of a training", training=training)
