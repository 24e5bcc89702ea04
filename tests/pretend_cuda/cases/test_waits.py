"""No step of a training waits for the GPU, whatever the preset; only a timed one does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from nas.data.images import Images
from nas.training.loop import Training
from nas.training.progressive import Resizing
from nas.training.recipes import PRESETS, Recipe
from reward.step_time.clocks import to_channels_last
from scaling.regularization import Progressive
from tests.nas.training.networks import noise, resnet
from tests.pretend_cuda.device import Counts, counts

CUDA = torch.device("cuda")
STEPS = 8
COUNT = 8 * STEPS


def _images(labels: Tensor | None = None) -> Images:
    return noise(COUNT, 32, CUDA, labels=labels)


def _counts_of_steps(recipe: Recipe, images: Images) -> list[Counts]:
    """Return what was counted in each step of the second epoch, the first one aside."""
    seen: list[Counts] = []
    training = Training(
        to_channels_last(resnet(), CUDA),
        images,
        replace(images, pixels=images.pixels[:4], labels=images.labels[:4]),
        replace(recipe, epochs=2, batch_size=COUNT // STEPS),
        seed=0,
        on_step=lambda step, count: seen.append(counts()),
    )
    list(training.epochs())
    second = seen[-STEPS:]
    return [after - before for before, after in pairwise(second)]


def _progressive(recipe: Recipe) -> Recipe:
    ranges = Progressive((16, 32), (5.0, 15.0), (0.0, 0.2), (0.1, 0.3))
    return replace(recipe, resizing=Resizing(ranges, stages=2))


CHANGES: dict[str, Callable[[Recipe], Recipe]] = {
    "plain": lambda recipe: recipe,
    "in micro-batches": lambda recipe: replace(recipe, micro_batch=4),
    "with mixup": lambda recipe: replace(recipe, mixup_alpha=0.2),
    "progressive": _progressive,
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("preset", PRESETS)
def test_no_step_waits(preset: str, change: str) -> None:
    recipe = CHANGES[change](PRESETS[preset](COUNT, 2, COUNT // STEPS))
    steps = _counts_of_steps(recipe, _images())
    assert len(steps) == STEPS - 1
    assert [step.waits for step in steps] == [0] * len(steps)


def test_no_step_waits_with_several_labels_an_image() -> None:
    labels = torch.stack([torch.arange(COUNT) % 4, torch.full((COUNT,), -1)], 1)
    recipe = PRESETS["proxy"](COUNT, 2, COUNT // STEPS)
    assert {step.waits for step in _counts_of_steps(recipe, _images(labels))} == {0}


def test_images_on_the_host_are_copied_without_waiting() -> None:
    images = _images()
    images = replace(images, pixels=images.pixels.cpu())
    recipe = PRESETS["proxy"](COUNT, 2, COUNT // STEPS)
    assert {step.waits for step in _counts_of_steps(recipe, images)} == {0}


def test_a_loss_that_is_not_finite_is_seen_without_waiting() -> None:
    from nas.training.loop import LossWatch

    watch, losses = LossWatch(CUDA), torch.zeros((), device=CUDA)
    before = counts()
    assert watch.earlier(losses) == 0.0
    losses += float("nan")
    watch.earlier(losses)
    assert watch.earlier(losses) != watch.earlier(losses)  # NaN
    assert (counts() - before).waits == 0
