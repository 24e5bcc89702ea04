"""Shares of the training images."""

from __future__ import annotations

import numpy as np
import pytest

from nas.data.share import share_positions
from nas.data.split import NO_LABEL

LABELS = np.array([0] * 100 + [1] * 40 + [2] * 3)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_each_class_gives_its_share_and_at_least_one_image(share: float) -> None:
    positions = share_positions(LABELS, share)
    counts = np.bincount(LABELS[positions], minlength=3)
    assert counts.tolist() == [max(1, round(share * n)) for n in (100, 40, 3)]
    assert np.unique(positions).tolist() == positions.tolist()


def test_a_smaller_share_is_a_part_of_a_larger_one_and_always_the_same() -> None:
    small, large = (set(share_positions(LABELS, share).tolist()) for share in (0.2, 0.6))
    assert small < large
    assert small == set(share_positions(LABELS, 0.2).tolist())
    assert share_positions(LABELS, 1.0).tolist() == list(range(143))


def test_an_image_of_several_classes_counts_for_its_first() -> None:
    labels = np.array([[0, 1], [0, NO_LABEL], [1, NO_LABEL], [1, 0]])
    assert labels[share_positions(labels, 0.5), 0].tolist() == [0, 1]
