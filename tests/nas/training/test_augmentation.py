"""Crops, flips, cutout, and the augmentation of a whole batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from nas.data.images import resized
from nas.training.augmentation import augmented, cutout, random_crop, resized_crop
from nas.training.recipes import Recipe, epoch_stages, proxy
from tests.nas.training.networks import blobs


@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8])
def test_shape_and_type_stay(dtype: torch.dtype) -> None:
    images = (200 * torch.rand(5, 3, 8, 8)).to(dtype)
    cropped = random_crop(images, 2)
    assert cropped.shape == images.shape
    assert cropped.dtype == dtype


def test_no_padding_changes_nothing() -> None:
    images = torch.rand(5, 3, 8, 8)
    assert torch.equal(random_crop(images, 0), images)


def test_each_image_is_one_window_of_the_mirrored_image() -> None:
    torch.manual_seed(1)
    images = torch.rand(40, 2, 6, 6)
    cropped = random_crop(images, 2).numpy()
    shifts = [_shift(before, after) for before, after in zip(images.numpy(), cropped, strict=True)]
    assert len(set(shifts)) > 10  # of 25: each image has its own
    assert {row for row, _ in shifts} == set(range(5))
    assert {column for _, column in shifts} == set(range(5))


def test_a_seed_decides() -> None:
    images = torch.rand(9, 1, 8, 8)

    def run(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return random_crop(images, 3)

    assert torch.equal(run(5), run(5))
    assert not torch.equal(run(5), run(6))


def test_about_half_of_the_images_are_mirrored_and_the_others_left() -> None:
    torch.manual_seed(0)
    images = torch.rand(200, 3, 5, 5)
    flipped = random_crop(images, 0, flip=True)
    is_same = (flipped == images).all(3).all(2).all(1)
    is_mirrored = (flipped == images.flip(3)).all(3).all(2).all(1)
    assert bool((is_same ^ is_mirrored).all())
    assert 70 < int(is_mirrored.sum()) < 130


def test_shifted_and_mirrored_images_are_windows_of_either() -> None:
    torch.manual_seed(0)
    images = torch.rand(60, 2, 6, 6)
    cropped = random_crop(images, 2, flip=True)
    is_mirrored = [
        _find(before.flip(2).numpy(), after.numpy()) is not None
        for before, after in zip(images, cropped, strict=True)
    ]
    is_same = [
        _find(before.numpy(), after.numpy()) is not None
        for before, after in zip(images, cropped, strict=True)
    ]
    assert all(a != b for a, b in zip(is_same, is_mirrored, strict=True))
    assert 15 < sum(is_mirrored) < 45


def test_cutout_sets_one_square_to_the_mean() -> None:
    torch.manual_seed(0)
    cut = cutout(torch.ones(300, 2, 16, 16), 0.25) == 0
    assert bool((cut[:, 0] == cut[:, 1]).all())
    sides = torch.stack([cut[:, 0].any(dim).sum(1) for dim in (1, 2)], 1)  # (N, 2)
    assert bool((cut[:, 0].sum((1, 2)) == sides.prod(1)).all())  # it is a rectangle
    assert int(sides.max()) == 4
    assert int((sides == 4).all(1).sum()) > 100  # the others are cut by the border
    assert int(cut[:, 0].any(0).sum()) == 256  # it may lie anywhere


def test_no_cutout_changes_nothing() -> None:
    images = torch.rand(2, 1, 4, 4)
    assert cutout(images, 0.0) is images


def test_resizing_to_the_same_size_changes_nothing() -> None:
    images = torch.rand(2, 1, 8, 8)
    assert resized(images, 8) is images


def test_resizing_averages_fine_patterns_away() -> None:
    checks = (torch.arange(16)[:, None] + torch.arange(16)) % 2
    small = resized(checks.float().expand(1, 1, 16, 16), 4)
    assert small.shape == (1, 1, 4, 4)
    assert torch.allclose(small, torch.full_like(small, 0.5), atol=0.05)


def test_a_resized_crop_shows_a_part_of_the_image_undistorted() -> None:
    """The pixels of this image are their own coordinates, so the corners show the cropped part."""
    torch.manual_seed(0)
    ticks = (torch.arange(32) + 0.5) / 32
    place = torch.stack([ticks.expand(32, 32), ticks[:, None].expand(32, 32)])  # (x and y, H, W)
    cropped = resized_crop(place.expand(400, 2, 32, 32), 24, 0.25)
    assert cropped.shape == (400, 2, 24, 24)
    width = (cropped[:, 0, 12, -1] - cropped[:, 0, 12, 0]) * 24 / 23
    height = (cropped[:, 1, -1, 12] - cropped[:, 1, 0, 12]) * 24 / 23
    area, aspect = width * height, width / height
    assert 0.2 < float(area.min()) < 0.35
    assert float(area.max()) > 0.85
    assert float(area.max()) <= 1.02
    assert 0.7 < float(aspect.min()) < 0.85
    assert 1.2 < float(aspect.max()) < 1.4
    assert float(cropped.min()) >= 0
    assert float(cropped.max()) <= 1
    assert float(cropped[:, 0, 0, 0].std()) > 0.05  # the parts lie at different places


def test_a_resized_crop_of_all_is_the_image() -> None:
    images = torch.rand(3, 2, 12, 12)
    # Crops with another aspect ratio than 1 are cut at the border, and span one whole side.
    cropped = resized_crop(images, 12, 1.0)
    assert cropped.shape == images.shape
    assert float((cropped.mean((2, 3)) - images.mean((2, 3))).abs().max()) < 0.1


def test_half_of_the_resized_crops_are_mirrored() -> None:
    torch.manual_seed(0)
    slope = torch.linspace(0, 1, 16).expand(200, 1, 16, 16)
    cropped = resized_crop(slope, 12, 0.25, flip=True)
    is_mirrored = cropped[:, 0, 6, 0] > cropped[:, 0, 6, -1]
    assert 70 < int(is_mirrored.sum()) < 130
    torch.manual_seed(0)
    unmirrored = resized_crop(slope, 12, 0.25)
    assert torch.equal(cropped[~is_mirrored], unmirrored[~is_mirrored])
    assert torch.allclose(
        cropped,
        torch.where(is_mirrored.view(-1, 1, 1, 1), unmirrored.flip(3), unmirrored),
        atol=1e-6,
    )


def _batch(recipe: Recipe) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    training = blobs()
    (stage,) = epoch_stages(replace(recipe, epochs=1), len(training), training.size, seed=0)
    pixels, labels = training.pixels[:8], training.targets(slice(0, 8))
    return augmented(pixels, labels, training, recipe, stage)


PLAIN = replace(proxy(), crop_padding=0.0)


def test_a_plain_batch_is_left_as_it_is() -> None:
    images, labels = blobs().batch(slice(0, 8))
    augmented_images, targets = _batch(PLAIN)
    assert torch.equal(augmented_images, images)
    assert torch.equal(targets, labels)
    assert augmented_images.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    "changes",
    [
        {"crop_padding": 0.125},
        {"crop_area": 0.5},
        {"flip": True},
        {"cutout": 0.5},
        {"randaugment_magnitude": 10.0},
        {"autoaugment": True},
        {"mixup_alpha": 1.0},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_each_setting_changes_the_batch(changes: dict[str, float]) -> None:
    plain, _ = _batch(PLAIN)
    images, targets = _batch(replace(PLAIN, **changes))  # type: ignore[arg-type]
    assert images.shape == plain.shape
    assert not torch.equal(images, plain)
    assert targets.shape == ((8, 4) if "mixup_alpha" in changes else (8,))


def test_randaugment_sees_pixels_and_the_network_normalised_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Tensor] = []

    def spy(images: Tensor, magnitude: float) -> Tensor:
        seen.append(images)
        assert magnitude == 7.0
        return images

    monkeypatch.setattr("nas.training.augmentation.randaugment", spy)
    images, _ = _batch(replace(PLAIN, randaugment_magnitude=7.0))
    assert torch.equal(seen[0], blobs().pixels[:8])
    assert torch.equal(images, blobs().batch(slice(0, 8))[0])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [8, 12, 16, 20])
def test_a_plain_batch_is_resized_and_normalised_to_the_last_bit(size: int, channels: int) -> None:
    training = blobs(channels=channels)
    (stage,) = epoch_stages(replace(PLAIN, epochs=1), len(training), size, seed=0)
    pixels, labels = training.pixels[:9], training.labels[:9]
    images, _ = augmented(pixels, labels, training.at(24), PLAIN, stage)
    assert torch.equal(images, training.at(size).normalised(pixels))
    assert images.dtype == torch.float32


def test_a_stage_with_randaugment_has_no_autoaugment(monkeypatch: pytest.MonkeyPatch) -> None:
    """EfficientNetV2 trains V1's networks progressively with RandAugment instead."""
    seen: list[str] = []

    def spy(name: str) -> Callable[..., Tensor]:
        def note(images: Tensor, magnitude: float = 0.0) -> Tensor:
            seen.append(name)
            return images

        return note

    for name in ("randaugment", "autoaugment"):
        monkeypatch.setattr(f"nas.training.augmentation.{name}", spy(name))
    _batch(replace(PLAIN, autoaugment=True))
    _batch(replace(PLAIN, autoaugment=True, randaugment_magnitude=5.0))
    assert seen == ["autoaugment", "randaugment"]


def test_pixels_between_two_grey_levels_are_rounded_for_randaugment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nas.training.augmentation.randaugment", lambda images, _: images)
    training = blobs()
    recipe = replace(PLAIN, randaugment_magnitude=7.0, epochs=1)
    (stage,) = epoch_stages(recipe, len(training), 12, seed=0)
    images, _ = augmented(training.pixels, training.labels, training, recipe, stage)
    plain = training.at(12).normalised(training.pixels)
    assert float((images - plain).abs().max()) <= 0.5 / 55 + 1e-5  # half a grey level


def _find(image: NDArray[np.float32], cropped: NDArray[np.float32]) -> tuple[int, int] | None:
    """Return the place of the crop (C, H, W) in the image with 2 mirrored pixels around it."""
    _, height, width = image.shape
    padded = np.pad(image, ((0, 0), (2, 2), (2, 2)), mode="reflect")
    for row, column in product(range(5), range(5)):
        if np.array_equal(padded[:, row : row + height, column : column + width], cropped):
            return row, column
    return None


def _shift(image: NDArray[np.float32], cropped: NDArray[np.float32]) -> tuple[int, int]:
    place = _find(image, cropped)
    assert place is not None
    return place
