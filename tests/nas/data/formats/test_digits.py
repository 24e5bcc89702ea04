"""Scikit-learn's digits: disjoint splits, with the pixels and labels of the source."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from sklearn.datasets import load_digits

from nas.data.formats.digits import CLASSES, digits

SPLITS: tuple[Literal["train", "test"], ...] = ("train", "test")


def test_splits_share_no_image_and_leave_none_out() -> None:
    """All 1,797 images differ, so that their pixels identify them."""
    sets = [{image.tobytes() for image in digits(split).pixels} for split in SPLITS]
    assert [len(images) for images in sets] == [1437, 360]
    assert len(set.union(*sets)) == 1797


def test_pixels_and_labels_belong_together() -> None:
    source = load_digits()
    labels = {
        np.rint(image * 255 / 16).astype(np.uint8).tobytes(): label
        for image, label in zip(source.images, source.target, strict=True)
    }
    for split in SPLITS:
        data = digits(split)
        assert data.pixels.shape[1:] == (1, 8, 8)
        assert data.pixels.max() == 255
        assert [labels[image.tobytes()] for image in data.pixels] == data.labels.tolist()


@pytest.mark.parametrize("split", SPLITS)
def test_every_class_is_in_every_split(split: Literal["train", "test"]) -> None:
    assert np.bincount(digits(split).labels).min() >= 20
    assert set(digits(split).labels) == set(range(CLASSES))


def test_size_resamples_the_same_images() -> None:
    small, large = digits("test"), digits("test", 32)
    assert large.pixels.shape == (360, 1, 32, 32)
    assert np.array_equal(small.labels, large.labels)
    blocks = large.pixels.reshape(360, 1, 8, 4, 8, 4).mean((3, 5))
    assert np.abs(blocks - small.pixels).mean() < 20


def test_it_does_not_depend_on_where_scikit_learn_keeps_its_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = digits("test")
    monkeypatch.setattr("nas.data.formats.digits.find_spec", lambda name: None)
    asked = digits("test")
    assert np.array_equal(read.pixels, asked.pixels)
    assert np.array_equal(read.labels, asked.labels)
