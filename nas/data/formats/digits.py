"""Handwritten digits that are part of scikit-learn: 1,797 grey images of 8 x 8 pixels."""

from __future__ import annotations

from typing import Literal

import numpy as np

from nas.data.images import square
from nas.data.split import Split

SIZE = 8
CLASSES = 10
_PARTS = {"test": slice(0, 360), "train": slice(360, None)}


def digits(split: Literal["train", "test"], size: int = SIZE) -> Split:
    """Return the 1,437 training or 360 test images, which are always the same."""
    from sklearn.datasets import load_digits

    data = load_digits()
    positions = np.random.default_rng(0).permutation(len(data.target))[_PARTS[split]]
    pixels = np.rint(data.images[positions] * (255 / 16)).astype(np.uint8)
    return Split(square(pixels[:, None], size), data.target[positions].astype(np.int64))
