"""The minival: its size, its share of each class, and its disjointness from the training set."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.data.split import SearchData, Split, hold_out, minival_count

label_lists = st.lists(st.integers(0, 5), min_size=1, max_size=200)


@pytest.mark.parametrize(
    ("images", "held_out"),
    [
        (1, 1),
        (4, 1),
        (10, 2),
        (100, 20),
        (4999, 999),  # a fifth
        (5000, 1000),
        (50_000, 1000),
        (60_000, 1200),  # 2 %
        (1_281_167, 25_000),  # ImageNet
    ],
)
def test_minival_count(images: int, held_out: int) -> None:
    assert minival_count(images) == held_out


@given(labels=label_lists, data=st.data())
def test_hold_out_splits_the_positions_in_two_of_the_wanted_sizes(
    labels: list[int], data: st.DataObject
) -> None:
    count = data.draw(st.integers(0, len(labels)))
    kept, held = hold_out(np.array(labels), count)
    assert len(held) == count
    assert sorted([*kept, *held]) == list(range(len(labels)))


@given(labels=label_lists, data=st.data())
def test_hold_out_takes_the_same_share_of_each_class(
    labels: list[int], data: st.DataObject
) -> None:
    """The shares of two classes agree to within half an image of each."""
    array = np.array(labels)
    _, held = hold_out(array, data.draw(st.integers(0, len(labels))))
    totals, taken = np.bincount(array, minlength=6), np.bincount(array[held], minlength=6)
    shares = [(k / n, 0.5 / n) for k, n in zip(taken, totals, strict=True) if n]
    for share, half in shares:
        for other, other_half in shares:
            assert abs(share - other) <= half + other_half + 1e-9


@given(labels=label_lists)
def test_hold_out_is_the_same_every_time(labels: list[int]) -> None:
    first, second = (hold_out(np.array(labels), len(labels) // 5) for _ in range(2))
    assert np.array_equal(first[1], second[1])


def test_hold_out_is_random_within_a_class() -> None:
    _, held = hold_out(np.zeros(1000, np.int64), 200)
    assert 350 < held.mean() < 650  # neither the first nor the last
    assert len(set(np.diff(held))) > 3  # nor every fifth


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
