"""Trainings whose batch, validation, or augmentation does not fit into the GPU's memory at once."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from nas.data.images import images_on_device
from nas.data.load import load_training_data
from nas.full_training.fitting import fitting_micro_batch
from nas.training.distributed import World
from nas.training.loop import Training
from nas.training.recipes import Recipe, epoch_stages, imagenet, proxy
from nas.training.validation import Portion, accuracy
from reward.step_time.clocks import to_channels_last
from tests.nas.data.pictures import class_folders
from tests.nas.training.networks import noise, resnet
from tests.pretend_cuda.device import counts, current_bytes, memory_limit

CUDA = torch.device("cuda")
MIB = 2**20


def _network() -> nn.Module:
    return to_channels_last(resnet(), CUDA)


def _peak_mib(run: Callable[[], object]) -> float:
    """Return the memory that a call takes at most beyond what is there."""
    gc.collect()
    before = current_bytes()
    torch.cuda.reset_peak_memory_stats()
    run()
    return (torch.cuda.max_memory_allocated() - before) / MIB


def test_validation_halves_its_batches_until_they_fit() -> None:
    network, images = _network().eval(), noise(300, 32, CUDA)
    expected = accuracy(network, images)
    portion = Portion(256)
    whole = _peak_mib(lambda: accuracy(network, images, Portion(256)))
    with memory_limit(current_bytes() + int(whole * MIB) // 3):
        assert accuracy(network, images, portion) == expected
    assert 32 <= portion.size <= 128


def test_not_one_image_that_fits_is_an_error() -> None:
    network, images = _network().eval(), noise(4, 32, CUDA)
    with (
        memory_limit(current_bytes() + 2**14),
        pytest.raises((MemoryError, RuntimeError), match="out of memory"),
    ):
        accuracy(network, images)


def test_a_batch_is_augmented_in_the_parts_in_which_it_is_trained() -> None:
    """Floats of the whole batch would be 96 MiB, and RandAugment would hold it several times."""
    images = noise(256, 128, CUDA)
    recipe = replace(imagenet(1000), epochs=1, batch_size=256)

    def train(recipe: Recipe) -> None:
        pool = nn.Sequential(nn.AvgPool2d(128), nn.Flatten(), nn.Linear(3, 4)).to(CUDA)
        few = replace(images, pixels=images.pixels[:2], labels=images.labels[:2])
        list(Training(pool, images, few, recipe, seed=0).epochs())

    parted = _peak_mib(lambda: train(replace(recipe, micro_batch=8)))
    batch = images.pixels.nbytes / MIB
    assert parted < 1.5 * batch + 40  # the batch itself, and 8 images as floats, 3 MiB, some times
    assert _peak_mib(lambda: train(recipe)) > 4 * batch


@pytest.mark.parametrize("share", [0.9, 0.6, 0.4, 0.25])
def test_what_the_trial_finds_to_fit_does(share: float) -> None:
    images = noise(96, 32, CUDA)
    recipe = replace(proxy(), epochs=2, batch_size=96)
    stages = epoch_stages(recipe, len(images), images.size, 0)

    def train(recipe: Recipe) -> None:
        list(Training(_network(), images, images, recipe, seed=0).epochs())

    train(replace(recipe, micro_batch=2))  # constants are made once
    whole = int(_peak_mib(lambda: train(recipe)) * MIB)
    with memory_limit(current_bytes() + int(share * whole)):
        found = fitting_micro_batch(_network, images, recipe, stages, World())
        assert found is not None
        train(replace(recipe, micro_batch=found))
    assert 2 <= found <= 96 * share


def test_all_of_a_batch_that_fits_is_trained_at_once() -> None:
    images = noise(32, 16, CUDA)
    recipe = replace(proxy(), epochs=1)
    stages = epoch_stages(recipe, len(images), images.size, 0)
    assert fitting_micro_batch(_network, images, recipe, stages, World()) is None


def test_not_two_images_that_fit_is_an_error() -> None:
    images = noise(32, 32, CUDA)
    recipe = replace(proxy(), epochs=1)
    stages = epoch_stages(recipe, len(images), images.size, 0)
    with (
        memory_limit(current_bytes() + MIB // 4),
        pytest.raises(MemoryError, match="two images at a time do not fit"),
    ):
        fitting_micro_batch(_network, images, recipe, stages, World())


def test_a_training_that_is_over_holds_nothing() -> None:
    """Also before the garbage collector runs, which does not know how full a GPU is."""
    images = noise(32, 32, CUDA)
    recipe = replace(proxy(), epochs=1)
    list(Training(_network(), images, images, recipe, seed=0).epochs())  # constants are made once
    gc.collect()
    before = current_bytes()
    gc.disable()
    try:
        list(Training(_network(), images, images, recipe, seed=0).epochs())
        assert current_bytes() == before
    finally:
        gc.enable()


def test_what_ran_out_of_memory_is_free_again() -> None:
    images = noise(32, 32, CUDA)
    recipe = replace(proxy(), epochs=1)
    stages = epoch_stages(recipe, len(images), images.size, 0)
    gc.collect()
    before = current_bytes()
    with memory_limit(before + 12 * MIB):
        found = fitting_micro_batch(_network, images, recipe, stages, World())
    gc.collect()
    assert found is not None
    assert current_bytes() - before < MIB


def test_the_trial_decodes_no_streamed_image_and_has_its_batches_on_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))
    folder = str(class_folders(tmp_path / "pets", ("a", "b", "c", "d"), count=10))
    data = load_training_data(folder, 32, is_streamed=True)
    images, _ = images_on_device(data, CUDA)
    recipe = replace(proxy(), epochs=1, batch_size=32)
    stages = epoch_stages(recipe, len(images), images.size, 0)
    monkeypatch.setattr("nas.data.streaming.decode", None)
    before = counts()
    assert fitting_micro_batch(_network, images, recipe, stages, World()) is None
    assert (counts() - before).operators > 0
