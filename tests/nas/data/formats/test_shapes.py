"""Synthetic shapes: reproducible, distinct and balanced, with the same scene at every size."""

from __future__ import annotations

import numpy as np
import pytest

from nas.data.formats.shapes import CLASSES, MAX_CLASSES, SIZE, SPLITS, shapes


def test_shapes_returns_defaults_as_uint8_and_int64() -> None:
    pixels, labels = shapes("train", 30)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (30, 3, SIZE, SIZE)
    assert labels.dtype == np.int64
    assert set(labels) == set(range(CLASSES))


def test_shapes_are_deterministic() -> None:
    (first, labels), (second, same_labels) = shapes("test", 20), shapes("test", 20)
    assert np.array_equal(first, second)
    assert np.array_equal(labels, same_labels)


@pytest.mark.parametrize("size", [24, 32])
def test_first_images_do_not_depend_on_count(size: int) -> None:
    # 200 is more than one chunk, and no multiple of it.
    few, many = shapes("train", 50, size), shapes("train", 200, size)
    assert np.array_equal(few[0], many[0][:50])
    assert np.array_equal(few[1], many[1][:50])


def test_splits_seeds_and_images_differ() -> None:
    sets = [shapes(split, 12, 16, seed=seed)[0] for split in SPLITS for seed in (0, 1)]
    images = np.concatenate(sets).reshape(len(sets) * 12, -1)
    assert len(np.unique(images, axis=0)) == len(images)


def test_larger_image_shows_the_same_scene() -> None:
    small = shapes("minival", 48, 32)[0].astype(np.float64)
    large = shapes("minival", 48, 64)[0].astype(np.float64)
    halved = large.reshape(48, 3, 32, 2, 32, 2).mean((3, 5))
    error = np.abs(halved - small).mean()
    assert error < 15  # the noise alone: 0.8 * 255 * hypot(0.05, 0.025) = 11.4
    assert np.abs(np.roll(halved, 1, axis=0) - small).mean() > 3 * error


@pytest.mark.parametrize("classes", [2, CLASSES, MAX_CLASSES])
def test_labels_are_balanced(classes: int) -> None:
    counts = np.bincount(shapes("train", 5 * classes, 8, classes)[1], minlength=classes)
    assert (counts == 5).all()


def test_class_changes_the_picture_and_not_the_scene() -> None:
    # Image 12 has class 0 of 12, and class 12 of 24, an outline of its own.
    one, other = (shapes("train", 13, 32, classes)[0][12] for classes in (12, 24))
    border = np.s_[:, :2, :]
    assert np.array_equal(one[border], other[border])
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "validation"}, "split: got 'validation', must be one of"),
        ({"count": 0}, "count: got 0, must be a whole number from 1"),
        ({"size": 3}, "size: got 3, must be a whole number from 4"),
        ({"size": 32.0}, "size: got 32.0, must be a whole number from 4"),
        ({"classes": 25}, "classes: got 25, must be a whole number from 2 to 24"),
        ({"seed": -1}, "seed: got -1, must be a whole number from 0"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        shapes(**{"split": "train", "count": 1, **arguments})  # type: ignore[arg-type]
