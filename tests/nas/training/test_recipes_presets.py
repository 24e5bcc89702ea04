"""The presets' figures, from EfficientNetV2, section 5."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nas.training.optimizers import learning_rate_factor
from nas.training.recipes import (
    PRESETS,
    efficientnet,
    imagenet,
    imagenet21k,
    imagenet21k_automl,
    proxy,
    transfer,
    transfer_automl,
)

IMAGENET = 1_281_167


def test_imagenet() -> None:
    recipe = imagenet(IMAGENET)
    assert (recipe.epochs, recipe.batch_size, recipe.optimizer) == (350, 4096, "rmsprop")
    assert recipe.learning_rate == 0.256
    assert recipe.weight_decay == 1e-5
    assert recipe.warmup * recipe.epochs == pytest.approx(5)
    assert recipe.decays is not None
    assert recipe.epochs / recipe.decays == pytest.approx(2.4)
    assert (recipe.label_smoothing, recipe.dropout, recipe.survival) == (0.1, 0.2, 0.8)
    assert (recipe.flip, recipe.crop_area, recipe.cutout) == (True, 0.08, 0.0)


def test_efficientnets_recipe_has_autoaugment() -> None:
    """EfficientNet, section 5.2; the rest is as in EfficientNetV2's recipe."""
    recipe = efficientnet(IMAGENET)
    assert recipe.autoaugment
    assert (recipe.randaugment_magnitude, recipe.mixup_alpha) == (0.0, 0.0)
    same = replace(recipe, autoaugment=False, randaugment_magnitude=15.0)
    assert same == imagenet(IMAGENET)


def test_imagenet21k_has_a_cosine() -> None:
    recipe = imagenet21k(13_000_000)
    assert (recipe.epochs, recipe.batch_size, recipe.learning_rate) == (60, 4096, 0.256)
    assert recipe.decays is None
    assert imagenet21k(13_000_000, epochs=30).epochs == 30


def test_imagenet21k_of_the_public_code_has_no_regularization() -> None:
    """google/automl, efficientnetv2/datasets.py: ImageNet21k; preprocessing.py: the crop."""
    recipe = imagenet21k_automl(13_000_000)
    assert (recipe.epochs, recipe.batch_size) == (60, 4096)
    assert recipe.learning_rate == pytest.approx(0.128)  # 0.008 for 256
    assert (recipe.dropout, recipe.survival, recipe.label_smoothing) == (0.0, 1.0, 0.0)
    assert (recipe.randaugment_magnitude, recipe.mixup_alpha, recipe.cutout) == (0.0, 0.0, 0.0)
    assert not recipe.autoaugment
    assert (recipe.crop_area, recipe.flip) == (0.05, True)
    assert recipe.warmup * recipe.epochs == pytest.approx(1)
    assert recipe.decays is None
    assert recipe.weight_decay == 1e-5


def test_transfer_of_the_public_code() -> None:
    """google/automl, efficientnetv2/datasets.py: ImagenetFt; cutout by a pad of size // 4."""
    recipe = transfer_automl(2_040)
    assert (recipe.epochs, recipe.batch_size, recipe.cutout) == (3333, 512, 0.5)
    assert (recipe.weight_decay, recipe.dropout, recipe.survival) == (1e-5, 0.0, 0.8)
    assert recipe.label_smoothing == 0.1
    assert transfer_automl(1_281_167).epochs == 15
    for progress in (0.1, 0.5, 0.99):
        factor = learning_rate_factor(progress, recipe.warmup, recipe.decays)
        assert recipe.learning_rate * factor == pytest.approx(0.001)


@pytest.mark.parametrize(("images", "epochs"), [(50_000, 103), (2_040, 3333), (8_144, 667)])
def test_transfer_is_10_000_steps_to_whole_epochs(images: int, epochs: int) -> None:
    """For CIFAR, Flowers and Cars."""
    recipe = transfer(images)
    assert recipe.epochs == epochs
    assert abs(epochs * (images // 512) - 10_000) <= images // 512 / 2
    assert (recipe.batch_size, recipe.learning_rate, recipe.weight_decay) == (512, 0.001, 0.0)
    assert recipe.decays is None
    assert recipe.cutout > 0


def test_transfer_to_fewer_images_than_a_batch() -> None:
    recipe = transfer(100)
    assert (recipe.batch_size, recipe.epochs) == (100, 10_000)


@pytest.mark.parametrize(("batch_size", "rate"), [(256, 0.016), (1024, 0.064), (8192, 0.512)])
def test_the_rate_follows_the_batch(batch_size: int, rate: float) -> None:
    for preset in (imagenet, imagenet21k):
        recipe = preset(IMAGENET, None, batch_size)
        assert recipe.batch_size == batch_size
        assert recipe.learning_rate == pytest.approx(rate)


@pytest.mark.parametrize(
    ("images", "batch_size"), [(IMAGENET, 4096), (65_536, 4096), (65_535, 2048), (1000, 32), (3, 1)]
)
def test_small_sets_get_batches_that_leave_16_steps(images: int, batch_size: int) -> None:
    assert imagenet(images).batch_size == batch_size


def test_a_short_training_runs_through_all_of_the_schedule() -> None:
    short, whole = imagenet(IMAGENET, epochs=20), imagenet(IMAGENET)
    assert short.decays == whole.decays
    assert short.warmup == 0.15


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_takes_epochs_and_batch_size(name: str) -> None:
    recipe = PRESETS[name](5000, 7, 48)
    assert (recipe.epochs, recipe.batch_size) == (7, 48)
    assert PRESETS[name](5000, None, None).epochs >= 10


def test_the_search_has_the_proxy() -> None:
    assert PRESETS["proxy"](1137, None, None) == proxy(10, 64)
