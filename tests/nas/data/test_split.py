"""The minival: its size, its share of each class, and its disjointness from the training set."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nas.data.split import SearchData, Split


@pytest.fixture
def data() -> SearchData:
    """Four grey images to train on and two held out."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (6, 1, 5, 5), dtype=np.uint8)
    labels = np.array([0, 1, 0, 1, 0, 1])
    return SearchData("some", 2, Split(pixels[:4], labels[:4]), Split(pixels[4:], labels[4:]))


def test_search_data_have_a_size_and_channels(data: SearchData) -> None:
    assert (data.image_size, data.channels) == (5, 1)
    assert (len(data.training), len(data.minival)) == (4, 2)


@pytest.mark.parametrize("part", ["training", "minival"])
def test_fingerprint_changes_with_one_pixel_and_with_one_label(data: SearchData, part: str) -> None:
    split: Split = getattr(data, part)
    pixels, labels = split.pixels.copy(), split.labels.copy()
    pixels[1, 0, 4, 4] ^= 1
    labels[1] ^= 1
    changes: list[dict[str, Any]] = [
        {part: Split(pixels, split.labels)},
        {part: Split(split.pixels, labels)},
    ]
    prints = {replace(data, **change).fingerprint() for change in ({}, *changes)}
    assert len(prints) == 3


def test_fingerprint_depends_on_the_content_only(data: SearchData) -> None:
    split = data.training
    strided = np.asfortranarray(split.pixels)
    same = replace(data, name="other", training=Split(strided, split.labels.copy()))
    assert same.fingerprint() == data.fingerprint()
