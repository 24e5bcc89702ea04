"""Whether classes differ to a glance."""

from __future__ import annotations

import numpy as np

from nas.data.glance import classes_look_alike
from nas.data.load import load_search_data
from nas.data.split import Split


def _noise(count: int) -> Split:
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (count, 3, 16, 16), dtype=np.uint8)
    return Split(pixels, np.arange(count) % 4)


def test_noise_and_constant_images_look_alike() -> None:
    assert classes_look_alike(_noise(400))
    assert classes_look_alike(Split(np.full((80, 3, 8, 8), 7, np.uint8), np.arange(80) % 2))


def test_a_faint_difference_is_seen() -> None:
    split = _noise(400)
    pixels = np.where(
        (split.labels == 1)[:, None, None, None], split.pixels // 10 * 9, split.pixels
    )
    assert not classes_look_alike(Split(pixels, split.labels))


def test_digits_and_shapes_differ() -> None:
    for name in ("digits", "shapes"):
        assert not classes_look_alike(load_search_data(name).training)


def test_of_few_images_nothing_is_said() -> None:
    assert not classes_look_alike(_noise(39))
