"""Images made square: cut in the middle, antialiased."""

from __future__ import annotations

import numpy as np
import pytest

from nas.data.images import square


@pytest.mark.parametrize(("height", "width"), [(4, 8), (8, 4), (4, 7), (7, 4), (4, 4)])
def test_square_cuts_the_middle(height: int, width: int) -> None:
    rows, columns = np.mgrid[:height, :width]
    image = (10 * rows + columns).astype(np.uint8)[None, None]
    cut = square(image, 4)[0, 0]
    top, left = (height - 4) // 2, (width - 4) // 2
    expected = 10 * np.arange(top, top + 4)[:, None] + np.arange(left, left + 4)
    assert np.array_equal(cut, expected)


def test_square_keeps_the_mean_of_what_is_finer_than_a_pixel() -> None:
    checks = ((np.indices((64, 64)).sum(0) % 2) * 255).astype(np.uint8)[None, None]
    shrunk = square(checks, 8)
    assert shrunk.shape == (1, 1, 8, 8)
    assert np.abs(shrunk.astype(float) - 127.5).max() < 2  # without antialiasing: 0 or 255


@pytest.mark.parametrize("size", [3, 8, 20])
def test_square_keeps_flat_images_flat(size: int) -> None:
    greys = np.arange(0, 256, 51, dtype=np.uint8)
    pixels = np.broadcast_to(greys[:, None, None, None], (6, 3, 8, 11))
    resized = square(pixels, size)
    assert resized.dtype == np.uint8
    assert resized.shape == (6, 3, size, size)
    assert np.array_equal(resized.max((1, 2, 3)), greys)
    assert np.array_equal(resized.min((1, 2, 3)), greys)


def test_square_keeps_the_order_over_chunks() -> None:
    """1,024 images at a time."""
    numbers = np.arange(2100)
    pixels = np.zeros((2100, 2, 4, 4), np.uint8)
    pixels[:, 0], pixels[:, 1] = (part[:, None, None] for part in divmod(numbers, 256))
    resized = square(pixels, 2).astype(int)
    assert np.array_equal(256 * resized[:, 0, 0, 0] + resized[:, 1, 0, 0], numbers)


def test_square_does_not_change_its_argument() -> None:
    pixels = np.arange(64, dtype=np.uint8).reshape(1, 1, 8, 8)
    pixels.setflags(write=False)
    square(pixels, 4)
    assert np.array_equal(pixels.ravel(), np.arange(64))
