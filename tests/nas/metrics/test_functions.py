"""Metrics equal scikit-learn's, and a weight counts as so many copies of an image."""

from __future__ import annotations

import pytest
import torch
from sklearn import metrics as sklearn
from torch import Tensor

from nas.metrics.functions import FUNCTIONS, WeightedMetric

CLASSES, IMAGES = 7, 120
ONE_LABEL = tuple(FUNCTIONS)
SEVERAL_LABELS = ("accuracy", "top5", "auroc", "map")


def logits_of(seed: int, decimals: int | None = None) -> Tensor:
    """Return logits; rounded ones have many ties, as those in half precision do."""
    logits = 2 * torch.randn(IMAGES, CLASSES, generator=torch.Generator().manual_seed(seed))
    return logits if decimals is None else logits.round(decimals=decimals)


def one_label(seed: int) -> Tensor:
    """Return labels of uneven frequency; the last class has no image."""
    shares = torch.tensor([0.4, 0.3, 0.1, 0.1, 0.05, 0.05, 0.0])
    generator = torch.Generator().manual_seed(100 + seed)
    return torch.multinomial(shares, IMAGES, replacement=True, generator=generator)


def several_labels(seed: int) -> Tensor:
    """Return labels (N, classes) of 0 and 1, one or more an image; the last class has none."""
    generator = torch.Generator().manual_seed(200 + seed)
    labels = (torch.rand(IMAGES, CLASSES, generator=generator) < 0.25).long()
    labels[torch.arange(IMAGES), one_label(seed)] = 1
    labels[:, -1] = 0
    return labels


def value(function: WeightedMetric, logits: Tensor, labels: Tensor) -> float:
    """Return the metric with each image counted once."""
    return float(function(logits, labels, torch.ones(len(labels), dtype=torch.float64)))


@pytest.mark.parametrize("decimals", [None, 0])
@pytest.mark.parametrize("seed", range(4))
def test_metrics_of_one_label_equal_sklearns(seed: int, decimals: int | None) -> None:
    """Absent classes are left out; sklearn is given the classes that are present."""
    logits, labels = logits_of(seed, decimals), one_label(seed)
    predicted, scores = logits.argmax(1), logits.double().softmax(1)
    present = sorted(set(labels.tolist()))
    areas = [sklearn.roc_auc_score(labels == k, scores[:, k]) for k in present]
    precisions = [sklearn.average_precision_score(labels == k, scores[:, k]) for k in present]
    expected = {
        "accuracy": sklearn.accuracy_score(labels, predicted),
        "macro_f1": sklearn.f1_score(labels, predicted, labels=present, average="macro"),
        "auroc": sum(areas) / len(areas),
        "map": sum(precisions) / len(precisions),
    }
    if decimals is None:  # which of equal logits is among the five is nobody's to say
        expected["top5"] = sklearn.top_k_accuracy_score(
            labels, logits, k=5, labels=list(range(CLASSES))
        )
    with pytest.warns(UserWarning, match="not in y_true"):
        expected["balanced_accuracy"] = sklearn.balanced_accuracy_score(labels, predicted)
    for name, number in expected.items():
        assert value(FUNCTIONS[name], logits, labels) == pytest.approx(number, abs=1e-9), name


@pytest.mark.parametrize("decimals", [None, 0])
@pytest.mark.parametrize("seed", range(4))
def test_metrics_of_several_labels_equal_sklearns(seed: int, decimals: int | None) -> None:
    """Of several labels an image, each class's images are those that have it."""
    logits, labels = logits_of(seed, decimals), several_labels(seed)
    scores, present = logits.double().softmax(1)[:, :-1], labels[:, :-1]
    expected = {
        "auroc": sklearn.roc_auc_score(present, scores, average="macro"),
        "map": sklearn.average_precision_score(present, scores, average="macro"),
    }
    for name, number in expected.items():
        assert value(FUNCTIONS[name], logits, labels) == pytest.approx(number, abs=1e-9), name


@pytest.mark.parametrize("name", ONE_LABEL)
def test_weights_are_copies(name: str) -> None:
    """A resample as weights has the metric of the images themselves, drawn so often."""
    logits, labels = logits_of(5, decimals=1), one_label(5)
    counts = torch.randint(0, 4, (6, IMAGES), generator=torch.Generator().manual_seed(7))
    for row in counts:
        number = float(FUNCTIONS[name](logits, labels, row.double()))
        copies = torch.arange(IMAGES).repeat_interleave(row)
        expected = value(FUNCTIONS[name], logits[copies], labels[copies])
        assert number == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", SEVERAL_LABELS)
def test_weights_are_copies_with_several_labels(name: str) -> None:
    """A resample as weights has the metric of the images themselves, drawn so often."""
    logits, labels = logits_of(6), several_labels(6)
    counts = torch.randint(0, 3, (6, IMAGES), generator=torch.Generator().manual_seed(8))
    for row in counts:
        number = float(FUNCTIONS[name](logits, labels, row.double()))
        copies = torch.arange(IMAGES).repeat_interleave(row)
        expected = value(FUNCTIONS[name], logits[copies], labels[copies])
        assert number == pytest.approx(expected, abs=1e-9)


def test_hand_computed() -> None:
    """Four images of two classes: three of class 0, two of them right; the one of class 1 right."""
    logits = torch.tensor([[2.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
    labels = torch.tensor([0, 0, 0, 1])
    expected = {
        "accuracy": 3 / 4,
        "balanced_accuracy": (2 / 3 + 1) / 2,
        "macro_f1": (2 * 1 * (2 / 3) / (1 + 2 / 3) + 2 * (1 / 2) * 1 / (1 / 2 + 1)) / 2,
        "auroc": 1.0,
        "map": 1.0,
    }
    for name, number in expected.items():
        assert value(FUNCTIONS[name], logits, labels) == pytest.approx(number, abs=1e-12)


def test_equal_scores_tell_nothing() -> None:
    """With all scores equal, AUROC is one half and average precision the share of the class."""
    logits, labels = torch.zeros(8, 2), torch.tensor([0, 0, 0, 0, 0, 0, 1, 1])
    assert value(FUNCTIONS["auroc"], logits, labels) == 0.5
    assert value(FUNCTIONS["map"], logits, labels) == pytest.approx((6 / 8 + 2 / 8) / 2)
