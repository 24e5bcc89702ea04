"""Metrics by name: what is refused, what guessing reaches, and what is said of missing classes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from nas.errors import UserError
from nas.metrics.metric_function import MetricFunction
from nas.metrics.registry import (
    Labels,
    check_metric,
    class_labels,
    find_metric,
    guessing_value,
    metric_named,
    note_on_classes,
    recorded_function,
)
from reward.metric import METRICS, describe_metric

ONE = np.repeat(np.arange(6), (50, 20, 15, 10, 5, 0))
SEVERAL = np.array([[0, -1], [0, 1], [2, 0], [1, -1]])


def always_half(logits: Tensor, labels: Tensor) -> float:
    """A metric of a user's own, found as one of this module."""
    assert logits.shape == (len(labels), 6)
    return 0.5


def right(logits: Tensor, labels: Tensor) -> float:
    """Accuracy, as a metric of a user's own."""
    return float((logits.argmax(1) == labels).float().mean())


def nothing(logits: Tensor, labels: Tensor) -> float:
    """A metric without a value."""
    return math.nan


def test_ours_and_a_users_own_are_found() -> None:
    assert metric_named(None).metric.name == "accuracy"
    assert [metric_named(name).metric for name in METRICS] == list(METRICS.values())
    assert find_metric(f"{__name__}:always_half").function is always_half


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("macrof1", "--metric: got 'macrof1', must be one of macro_f1, accuracy, "),
        ("no.such:thing", "--metric: got 'no.such:thing', no such module is installed"),
        ("math:pi", "--metric: got 'math:pi', but math is of Python's own library"),
        (f"{__name__}:__name__", "which is no function"),
        (f"{__name__}:gone", "has no gone"),
    ],
)
def test_other_names_are_one_line(name: str, message: str) -> None:
    with pytest.raises(UserError) as refused:
        metric_named(name)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_files_metric_is_not_imported() -> None:
    with pytest.raises(UserError, match=r"^RUN: its metric: .* name it by --import waves,"):
        recorded_function("waves:score", "RUN")


@pytest.mark.parametrize(
    ("name", "labels", "classes", "message"),
    [
        ("top5", ONE, 5, "got top5 with 5 classes, must have 6 or more of them"),
        ("macro_f1", SEVERAL, 6, "got macro_f1 with several labels an image, must be map, auroc,"),
        ("balanced_accuracy", SEVERAL, 6, "got balanced_accuracy with several labels an image"),
        ("auroc", np.zeros(9, np.int64), 6, "got auroc with images of one class, must have two"),
        (f"{__name__}:nothing", ONE, 6, "returned nan, must be a number from 0 to 1 .tried on"),
    ],
)
def test_what_data_do_not_have_is_refused(
    name: str, labels: Labels, classes: int, message: str
) -> None:
    with pytest.raises(UserError, match=f"^--metric: .*{message}"):
        check_metric(find_metric(name), labels, classes)


@pytest.mark.parametrize("name", [*METRICS, f"{__name__}:always_half"])
def test_what_data_have_is_not_refused(name: str) -> None:
    check_metric(find_metric(name), ONE, 6)


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("balanced_accuracy", ONE),
        ("macro_f1", ONE),
        *((name, labels) for name in ("auroc", "map") for labels in (ONE, SEVERAL)),
    ],
)
def test_guessing_reaches_what_random_guesses_do(name: str, labels: Labels) -> None:
    """Guesses in proportion to the classes, of many more images of the same kind."""
    function = find_metric(name)
    found = class_labels(labels, 6).repeat_interleave(20_000 // len(labels), 0)
    shares = np.bincount(labels[labels >= 0], minlength=6) / len(labels)
    noise = np.random.default_rng(0).gumbel(size=(len(found), 6))
    logits = torch.tensor(np.log(shares + 1e-9) + noise)
    guessed = guessing_value(function, labels, 6)
    assert guessed == pytest.approx(function.value(logits, found), abs=0.02)


def test_shares_are_guessed_by_the_most_frequent_classes() -> None:
    assert guessing_value(MetricFunction(METRICS["accuracy"]), ONE, 6) == 0.5
    assert guessing_value(MetricFunction(METRICS["top5"]), ONE, 6) == 1.0
    seven = np.repeat(np.arange(7), (30, 20, 15, 10, 10, 10, 5))
    assert guessing_value(MetricFunction(METRICS["top5"]), seven, 7) == 0.85


def test_a_users_function_is_guessed_by_trials() -> None:
    shares = np.bincount(ONE) / len(ONE)
    guessed = guessing_value(find_metric(f"{__name__}:right"), ONE, 6)
    assert guessed == pytest.approx((shares**2).sum(), abs=0.05)
    nowhere = MetricFunction(describe_metric("mine:nothing"), nothing)
    assert guessing_value(nowhere, ONE, 6) is None


def test_classes_without_an_image_are_named() -> None:
    names = ("ant", "bee", "cat", "dog", "elk", "fox")
    note = note_on_classes(find_metric("macro_f1"), ONE, 6, names)
    assert note == (
        "macro F1 is the mean over 5 of 6 classes; the others have no image in the minival: fox"
    )
    assert note_on_classes(find_metric("accuracy"), ONE, 6, names) is None
    assert note_on_classes(find_metric("macro_f1"), ONE[:-5], 4, names[:4]) is None
