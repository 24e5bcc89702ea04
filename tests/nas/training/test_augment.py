"""Random crops."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from nas.training.augment import random_crop


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_shape_and_type_stay(dtype: torch.dtype) -> None:
    images = torch.rand(5, 3, 8, 6).to(dtype)
    cropped = random_crop(images, 2, _generator())
    assert cropped.shape == images.shape
    assert cropped.dtype == dtype


def test_no_padding_changes_nothing() -> None:
    images = torch.rand(5, 3, 8, 8)
    assert random_crop(images, 0, _generator()) is images


def test_each_image_is_one_window_of_the_mirrored_image() -> None:
    images = torch.rand(40, 2, 6, 5, generator=_generator())
    cropped = random_crop(images, 2, _generator(1)).numpy()
    shifts = [_shift(own, new) for own, new in zip(images.numpy(), cropped, strict=True)]
    assert len(set(shifts)) > 10  # of 25: each image has its own
    assert {row for row, _ in shifts} == set(range(5))
    assert {column for _, column in shifts} == set(range(5))


def test_the_generator_alone_decides() -> None:
    images = torch.rand(9, 1, 8, 8)
    first = random_crop(images, 3, _generator(5))
    torch.manual_seed(99)
    assert torch.equal(random_crop(images, 3, _generator(5)), first)
    assert not torch.equal(random_crop(images, 3, _generator(6)), first)


def _shift(image: NDArray[np.float32], cropped: NDArray[np.float32]) -> tuple[int, int]:
    """Where in the image, mirrored by 2 pixels, the crop (C, H, W) lies; it is in one place."""
    _, height, width = image.shape
    padded = np.pad(image, ((0, 0), (2, 2), (2, 2)), mode="reflect")
    (shift,) = (
        (row, column)
        for row, column in product(range(5), range(5))
        if np.array_equal(padded[:, row : row + height, column : column + width], cropped)
    )
    return shift
