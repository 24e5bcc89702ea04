"""Test accuracy: shares with their intervals, and data that do not fit the network."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from nas.data.images import Images
from nas.data.load import load_test_data
from nas.errors import UserError
from nas.full_training import evaluate as evaluation
from nas.full_training.checkpoint import Normalization, TrainedNetwork
from nas.full_training.evaluate import Share, evaluate, predict
from nas.training.validation import accuracy
from results.architecture_file import ArchitectureFile
from search_space.network import Network
from search_space.task import Task
from tests.nas.tiny import TINY_BACKBONE

CPU = torch.device("cpu")


@pytest.fixture
def trained() -> TrainedNetwork:
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


class Given(nn.Module):
    """Returns the pixels of the images as logits: (N, C, 1, 1) to (N, C)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)


def _images(pixels: list[list[int]], labels: Tensor) -> Images:
    shaped = torch.tensor(pixels, dtype=torch.uint8)[:, :, None, None]
    one = torch.ones(1, 1, 1, 1)
    return Images(shaped, labels, 0 * one, one, classes=3)


def test_the_rank_is_the_labels_place_among_the_logits() -> None:
    images = _images([[9, 5, 1], [9, 5, 1], [1, 2, 3]], torch.tensor([0, 2, 1]))
    assert predict(Given(), images, batch_size=2).ranks.tolist() == [0, 2, 1]


def test_of_several_labels_the_best_placed_counts() -> None:
    images = _images([[9, 5, 1], [9, 5, 1]], torch.tensor([[1, 2], [2, -1]]))
    assert predict(Given(), images, batch_size=2).ranks.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), Table I, method 3 (Wilson's score).
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_wilsons(count: int, total: int, low: float, high: float) -> None:
    assert Share(count, total).interval == pytest.approx((low, high), abs=5e-5)
    lower, upper = Share(total - count, total).interval
    assert (lower, upper) == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_accuracy_is_the_training_loops_on_the_test_split(trained: TrainedNetwork) -> None:
    result = evaluate(trained, "digits", 100, CPU)
    test = load_test_data("digits", 8).test
    mean, std = (torch.tensor(v).view(1, 1, 1, 1) for v in ((78.0,), (96.0,)))
    images = Images(torch.from_numpy(test.pixels), torch.from_numpy(test.labels), mean, std, 10)
    assert result.top_1.value == accuracy(trained.build(), images)
    assert result.top_1.total == 360
    assert result.top_5 is not None
    assert result.top_1.count < result.top_5.count < 360
    assert result.image_size == 8


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: not enough memory")]
)
def test_out_of_memory_is_one_line(
    trained: TrainedNetwork, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> Tensor:
        raise error

    monkeypatch.setattr(evaluation, "predict", fail)
    with pytest.raises(UserError, match="--batch-size: got 100, must be smaller") as refused:
        evaluate(trained, "digits", 100, CPU)
    assert refused.value.exit_code == 1


def test_another_failure_is_not_taken_for_one_of_memory(
    trained: TrainedNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Tensor:
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(evaluation, "predict", fail)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        evaluate(trained, "digits", 100, CPU)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (Task(7, 1), "--data: got 'digits' with 10 classes, must have 7, as in training"),
        (Task(10, 3), "--data: got 'digits' with 1 channels, must have 3, as in training"),
    ],
)
def test_data_that_do_not_fit_are_refused(
    trained: TrainedNetwork, task: Task, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        evaluate(replace(trained, file=replace(trained.file, task=task)), "digits", 100, CPU)
