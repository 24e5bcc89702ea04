"""Test accuracy: shares with their intervals, and data that do not fit the network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn import metrics as sklearn
from torch import Tensor, nn

from nas.data.images import Images
from nas.data.load import load_test_data
from nas.errors import UserError
from nas.full_training import evaluate as evaluation
from nas.full_training.checkpoint import TrainedNetwork
from nas.full_training.evaluate import Share, class_figures, confusion, evaluate, predict
from nas.metrics.registry import find_metric
from nas.training.validation import accuracy
from search_space.task import Task

CPU = torch.device("cpu")


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


def test_accuracy_is_the_training_loops_on_the_test_split(tiny_trained: TrainedNetwork) -> None:
    result = evaluate(tiny_trained, "digits", 100, CPU)
    test = load_test_data("digits", 8).test
    mean, std = (torch.tensor(v).view(1, 1, 1, 1) for v in ((78.0,), (96.0,)))
    images = Images(torch.from_numpy(test.pixels), torch.from_numpy(test.labels), mean, std, 10)
    assert result.top_1.value == accuracy(tiny_trained.build(), images)
    assert result.top_1.total == 360
    assert result.top_5 is not None
    assert result.top_1.count < result.top_5.count < 360
    assert result.image_size == 8


def test_figures_by_class_and_the_confusion_matrix_equal_sklearns(
    tiny_trained: TrainedNetwork,
) -> None:
    result = evaluate(tiny_trained, "digits", 100, CPU)
    test = load_test_data("digits", 8).test
    mean, std = (torch.tensor(v).view(1, 1, 1, 1) for v in ((78.0,), (96.0,)))
    images = Images(torch.from_numpy(test.pixels), torch.from_numpy(test.labels), mean, std, 10)
    predictions = predict(tiny_trained.build(), images, 100, keeps_logits=True)
    predicted, labels = predictions.predicted, predictions.labels
    precision, recall, f1, sizes = sklearn.precision_recall_fscore_support(
        labels, predicted, labels=list(range(10)), zero_division=np.nan
    )
    for i, each in enumerate(result.classes):
        assert (each.name, each.images) == (str(i), sizes[i])
        assert each.recall == pytest.approx(recall[i])
        assert (each.precision is None) == bool(np.isnan(precision[i]))
        assert each.f1 == pytest.approx(f1[i])
    assert result.confusion is not None
    assert result.confusion.tolist() == sklearn.confusion_matrix(labels, predicted).tolist()
    found = {each.metric.name: each for each in result.metrics}
    assert set(found) == {"balanced_accuracy", "macro_f1", "auroc"}
    assert found["macro_f1"].value == pytest.approx(
        sklearn.f1_score(labels, predicted, average="macro"), abs=1e-9
    )
    for measured in result.metrics:
        assert measured.interval is not None
        assert measured.interval[0] < measured.value < measured.interval[1]


def test_the_metrics_asked_for_and_that_of_the_training_are_measured(
    tiny_trained: TrainedNetwork,
) -> None:
    asked, own = [find_metric("map")], find_metric("macro_f1")
    result = evaluate(tiny_trained, "digits", 100, CPU, metrics=asked, trained_by=own)
    assert [each.metric.name for each in result.metrics] == ["map", "macro_f1"]
    shares = evaluate(
        tiny_trained, "digits", 100, CPU, metrics=[], trained_by=find_metric("accuracy")
    )
    assert shares.metrics == ()
    assert shares.top_1 == result.top_1


def test_of_several_labels_each_class_is_ranked() -> None:
    """Images [9, 5, 1], [1, 5, 9] and [5, 9, 1] of the classes {0, 1}, {2} and {0}."""
    images = _images([[9, 5, 1], [1, 5, 9], [5, 9, 1]], torch.tensor([[0, 1], [2, -1], [0, -1]]))
    predictions = predict(Given(), images, 2, keeps_logits=True)
    first, second, third = class_figures(predictions, ("ant", "bee", "cat"))
    assert (first.name, first.images, first.average_precision, first.auroc) == ("ant", 2, 1.0, 1.0)
    # For the bee, the first image is the second or third: softmax lowers it beside a 9.
    assert predictions.logits is not None
    scores = predictions.logits.double().softmax(1)[:, 1]
    assert second.average_precision == pytest.approx(
        sklearn.average_precision_score([1, 0, 0], scores)
    )
    assert (third.images, third.average_precision, third.precision) == (1, 1.0, None)
    assert confusion(predictions, 3) is None


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: not enough memory")]
)
def test_out_of_memory_is_one_line(
    tiny_trained: TrainedNetwork, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> Tensor:
        raise error

    monkeypatch.setattr(evaluation, "predict", fail)
    with pytest.raises(UserError, match="--batch-size: got 100, must be smaller") as refused:
        evaluate(tiny_trained, "digits", 100, CPU)
    assert refused.value.exit_code == 1


def test_another_failure_is_not_taken_for_one_of_memory(
    tiny_trained: TrainedNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Tensor:
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(evaluation, "predict", fail)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        evaluate(tiny_trained, "digits", 100, CPU)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (Task(7, 1), "--data: got 'digits' with 10 classes, must have 7, as in training"),
        (Task(10, 3), "--data: got 'digits' with 1 channels, must have 3, as in training"),
    ],
)
def test_data_that_do_not_fit_are_refused(
    tiny_trained: TrainedNetwork, task: Task, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        evaluate(
            replace(tiny_trained, file=replace(tiny_trained.file, task=task)), "digits", 100, CPU
        )
