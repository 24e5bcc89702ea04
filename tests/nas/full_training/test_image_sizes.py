"""A trained network at several image sizes, and by the published crop."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nas.data.load import load_test_data
from nas.data.options import DataOptions
from nas.full_training import evaluate as evaluation
from nas.full_training.checkpoint import TrainedNetwork
from nas.full_training.evaluate import ClassFigures, Measured, Share, evaluate
from nas.full_training.image_sizes import SizeResults, evaluate_sizes
from nas.metrics.registry import find_metric
from reward.metric import METRICS
from tests.nas.data.pictures import class_folders

CPU = torch.device("cpu")


def _result(size: int, right: int, f1: float, is_validation: bool = True) -> evaluation.TestResult:
    measured = Measured(METRICS["macro_f1"], f1, (f1 - 0.1, f1 + 0.1))
    return evaluation.TestResult(
        Share(right, 100), None, 10.0, size, "cpu", (), "val", is_validation,
        metrics=(measured,), classes=(ClassFigures("a", 100),),
    )  # fmt: skip


def _measure(size: int) -> evaluation.TestResult:
    right, f1 = {24: (70, 0.5), 32: (80, 0.6), 40: (80, 0.7)}[size]
    return _result(size, right, f1)


def test_the_best_size_is_the_smallest_with_the_highest_value() -> None:
    found = evaluate_sizes(_measure, [40, 24, 32, 24])
    assert [result.image_size for result in found.results] == [24, 32, 40]
    assert (found.best.image_size, found.value(found.best)) == (32, 0.8)
    assert found.interval(found.best) == Share(80, 100).interval
    assert not found.is_chosen_on_test
    frame = found.frame()
    assert frame["image_size"].tolist() == [24, 32, 40]
    assert frame["accuracy"].tolist() == [0.7, 0.8, 0.8]
    assert frame["is_best"].tolist() == [False, True, False]


def test_sizes_are_compared_by_the_metric_asked_for_or_that_of_training() -> None:
    f1 = find_metric("macro_f1")
    assert evaluate_sizes(_measure, [32, 40], [f1]).best.image_size == 40
    assert evaluate_sizes(_measure, [32, 40], None, f1).best.image_size == 40
    assert evaluate_sizes(_measure, [32, 40], [find_metric("accuracy")], f1).best.image_size == 32


def test_on_the_test_split_the_choice_is_one_on_the_test_split() -> None:
    result = _result(32, 50, 0.5, is_validation=False)
    assert SizeResults((result,), METRICS["accuracy"]).is_chosen_on_test


def test_images_are_evaluated_at_the_size_asked_for(tiny_trained: TrainedNetwork) -> None:
    measure = partial(evaluate, tiny_trained, "digits", 100, CPU, None, None, None, "square")
    found = evaluate_sizes(measure, [8, 16])
    assert [result.image_size for result in found.results] == [8, 16]
    again = evaluate(tiny_trained, "digits", 100, CPU)
    assert found.results[0].top_1 == again.top_1
    assert found.results[1].top_1 != again.top_1


def test_the_published_crop_has_its_own_entry_of_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))
    class_folders(tmp_path / "images" / "train")
    for path in class_folders(tmp_path / "images" / "test").rglob("*.png"):
        image = Image.new("RGB", (96, 64))
        image.paste((255, 255, 255), (32, 16, 64, 48))  # the middle 32 of 64
        image.save(path)
    load = partial(load_test_data, str(tmp_path / "images"), 32)
    square = load(options=DataOptions()).test.pixels
    published = load(options=DataOptions(crop="published")).test.pixels
    assert published.min() == 255  # 32 / (32 + 32) of the shorter side
    assert square.min() == 0
    assert np.array_equal(load(options=DataOptions()).test.pixels, square)


def test_images_in_memory_lose_their_margin() -> None:
    square = load_test_data("digits", 48).test.pixels
    published = load_test_data("digits", 16, options=DataOptions(crop="published")).test.pixels
    assert np.array_equal(published, square[:, :, 16:-16, 16:-16])
    large = load_test_data("digits", 320, options=DataOptions(crop="published")).test.pixels
    assert torch.equal(
        torch.from_numpy(large), torch.from_numpy(load_test_data("digits", 320).test.pixels)
    )
