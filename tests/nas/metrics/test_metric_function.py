"""A metric's value, a user's function, and of how many images a share would be as noisy."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import cohen_kappa_score
from torch import Tensor

from nas.errors import MetricError
from nas.metrics.functions import FUNCTIONS
from nas.metrics.metric_function import MetricFunction
from nas.metrics.noise import effective_images, linear_variance, resampled_variance
from nas.metrics.registry import find_metric
from reward.metric import METRICS, describe_metric, recorded_metric


def outputs(images: int = 400, signal: float = 1.5, several: bool = False) -> tuple[Tensor, Tensor]:
    """Return logits and labels of four classes, of which the last is rare."""
    generator = torch.Generator().manual_seed(3)
    shares = torch.tensor([0.4, 0.3, 0.2, 0.1])
    labels = torch.multinomial(shares, images, replacement=True, generator=generator)
    targets = torch.nn.functional.one_hot(labels, 4)
    if several:
        targets |= (torch.rand(targets.shape, generator=generator) < 0.2).long()
    logits = torch.randn(images, 4, generator=generator) + signal * targets
    return logits, targets if several else labels


def own(function: Callable[..., object]) -> MetricFunction:
    """Return a function as a user's metric."""
    return MetricFunction(describe_metric("mine:metric"), function)


@pytest.mark.parametrize(
    ("returned", "got"),
    [
        (math.nan, "nan"),
        (math.inf, "inf"),
        (1.01, "1.01"),
        (-0.2, "-0.2"),
        (None, "a NoneType"),
        ("0.5", "a str"),
        (True, "a bool"),
        (torch.zeros(3), "a Tensor"),
    ],
)
def test_what_is_no_number_from_0_to_1_is_refused(returned: object, got: str) -> None:
    message = f"^mine:metric: returned {got}, must be a number from 0 to 1$"
    with pytest.raises(MetricError, match=message):
        own(lambda logits, labels: returned).value(*outputs(8))


@pytest.mark.parametrize("returned", [0.5, np.float32(0.5), torch.tensor(0.5), np.float64(0.5)])
def test_numbers_of_any_kind_are_taken(returned: object) -> None:
    assert own(lambda logits, labels: returned).value(*outputs(8)) == 0.5


def test_an_error_in_a_users_function_is_one_line() -> None:
    def fails(logits: Tensor, labels: Tensor) -> float:
        raise ValueError("first line\nsecond line")

    with pytest.raises(MetricError, match=r"^mine:metric: raised ValueError: first line second"):
        own(fails).value(*outputs(8))


def test_a_user_gets_floats_and_whole_numbers() -> None:
    def checks(logits: Tensor, labels: Tensor) -> float:
        assert (logits.dtype, labels.dtype) == (torch.float32, torch.int64)
        assert not logits.requires_grad
        return float(labels.ndim / 2)

    logits, labels = outputs(8)
    assert own(checks).value(logits.bfloat16(), labels) == 0.5
    assert own(checks).value(*outputs(8, several=True)) == 1.0


# Noise.


def test_a_share_is_as_noisy_as_its_images() -> None:
    """Of all images drawn anew, not within their classes: several labels an image."""
    logits, labels = outputs(several=True)
    found = MetricFunction(METRICS["accuracy"]).effective_images(logits, labels)
    assert found == pytest.approx(400, rel=0.01)  # n - 1 of n, as the mean is estimated


@pytest.mark.parametrize(
    ("name", "several"),
    [
        ("balanced_accuracy", False),
        ("macro_f1", False),
        *((name, several) for name in ("auroc", "map") for several in (False, True)),
    ],
)
def test_derivatives_tell_the_variance_of_resamples(name: str, several: bool) -> None:
    logits, labels = outputs(several=several)
    by_resamples = resampled_variance(find_metric(name).value, logits, labels)
    assert by_resamples is not None
    by_derivatives = linear_variance(name, logits, labels)
    # Of 100 resamples, a variance is known to within 14 %.
    assert by_derivatives == pytest.approx(by_resamples, rel=0.4)
    with torch.inference_mode():
        assert linear_variance(name, logits, labels) == by_derivatives


@pytest.mark.parametrize(("name", "most"), [("macro_f1", 400), ("auroc", 1600)])
def test_without_an_error_the_noise_is_still_that_of_some_images(name: str, most: int) -> None:
    logits, labels = outputs(signal=50.0)
    function = find_metric(name)
    assert function.value(logits, labels) == 1.0
    assert function.effective_images(logits, labels) == most


def test_effective_images_are_those_of_a_share_with_this_variance() -> None:
    assert effective_images("macro_f1", 0.8, 1000, 0.8 * 0.2 / 250) == pytest.approx(250)
    assert effective_images("macro_f1", 0.8, 1000, 10.0) == 1.0
    assert effective_images("macro_f1", 0.8, 1000, 0.0) == 1000


def test_a_users_function_is_resampled() -> None:
    ours, logits_and_labels = FUNCTIONS["balanced_accuracy"], outputs()

    def same(logits: Tensor, labels: Tensor) -> float:
        return float(ours(logits, labels, torch.ones(len(labels), dtype=torch.float64)))

    found = own(same).effective_images(*logits_and_labels)
    expected = find_metric("balanced_accuracy").effective_images(*logits_and_labels)
    assert found == pytest.approx(expected, rel=0.4)
    assert found == own(same).effective_images(*logits_and_labels)


def test_a_function_without_values_of_resamples_has_no_known_noise() -> None:
    calls: list[int] = []

    def once(logits: Tensor, labels: Tensor) -> float:
        calls.append(1)
        return 0.5 if len(calls) == 101 else math.nan  # the whole set comes last

    assert own(once).effective_images(*outputs(20)) is None


# Names.


@pytest.mark.parametrize(
    ("name", "title", "short"),
    [
        ("macro_f1", "macro F1", "macro F1"),
        ("my.metrics:cohens_kappa", "cohens kappa", "cohens kappa"),
        ("my.metrics:Scores.of_the_rare_classes", "of the rare classes", "of the rare."),
    ],
)
def test_titles(name: str, title: str, short: str) -> None:
    metric = describe_metric(name)
    assert (metric.title, metric.short, metric.is_share) == (title, short, False)


def test_settings_of_earlier_releases_are_of_accuracy() -> None:
    assert recorded_metric({}) == recorded_metric({"metric": "accuracy"}) == METRICS["accuracy"]


def test_the_example_in_the_docs_is_a_metric() -> None:
    """Labels that have an order, of which a network is right or one off."""
    page = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    defined: dict[str, Any] = {}
    exec(block, defined)
    labels = torch.arange(4).repeat(25)
    off = torch.nn.functional.one_hot((labels + (torch.arange(100) % 5 == 0)).clamp(max=3), 4)
    value = own(defined["kappa"]).value(off.float(), labels)
    expected = cohen_kappa_score(labels, off.argmax(1), weights="quadratic")
    assert value == pytest.approx(expected)
    assert 0.8 < value < 1
