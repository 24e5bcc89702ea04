"""Augmentation on a GPU: no step waits for it, and an image becomes what it does on a CPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nas.data.images import Images
from nas.training.augmentation import augmented
from nas.training.distortions import Distortions, Operation
from nas.training.randaugment import NAMES, strength
from nas.training.recipes import Recipe, epoch_stages
from tests.nas.training.augmented import recipes
from tests.pretend_cuda.device import counts

GPU = torch.device("cuda", 0)
CLASSES, IMAGES = 5, 48
RECIPES = recipes(IMAGES)


def _images(channels: int = 3, size: int = 16) -> Images:
    generator = torch.Generator().manual_seed(0)
    shape = (IMAGES, channels, size, size)
    pixels = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
    one = torch.ones(1, channels, 1, 1)
    labels = torch.arange(IMAGES) % CLASSES
    pixels, labels, one = pixels.to(GPU), labels.to(GPU), one.to(GPU)
    return Images(pixels, labels, 120 * one, 60 * one, CLASSES)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", RECIPES)
def test_no_batch_waits_for_the_gpu(name: str, channels: int) -> None:
    recipe: Recipe = RECIPES[name]
    training = _images(channels)
    for stage in dict.fromkeys(epoch_stages(recipe, IMAGES, training.size, seed=0)):
        before = counts()
        images, targets = augmented(training.pixels, training.labels, training, recipe, stage)
        assert (counts() - before).waits == 0  # the first batch of a stage, and every other
        assert images.device == targets.device == GPU
        assert images.shape == (IMAGES, channels, stage.image_size, stage.image_size)
        assert images.is_contiguous(memory_format=torch.channels_last)
        assert images.dtype == torch.float32


@pytest.mark.parametrize("channels", [1, 3])
def test_every_operation_is_what_it_is_on_a_cpu(channels: int) -> None:
    pixels = _images(channels).pixels
    names = [name for name in NAMES if name != "cutout"]  # random in itself
    operations = [Operation(name, strength(name, 7)) for name in names]
    chosen = np.random.default_rng(0).integers(len(operations), size=(2, IMAGES))
    on_gpu = Distortions(operations, channels, 16, GPU)(pixels, chosen)
    on_cpu = Distortions(operations, channels, 16, torch.device("cpu"))(pixels.cpu(), chosen)
    assert on_gpu.device == GPU
    assert torch.equal(on_gpu.cpu(), on_cpu)
