"""Handwritten digits that are part of scikit-learn: 1,797 grey images of 8 x 8 pixels."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nas.data.images import square
from nas.data.split import Split

SIZE = 8
CLASSES = 10
_IMAGES = 1797
_PARTS = {"test": slice(0, 360), "train": slice(360, None)}


def digits(split: Literal["train", "test"], size: int = SIZE) -> Split:
    """Return the 1,437 training or 360 test images, which are always the same."""
    pixels, labels = _table()
    positions = np.random.default_rng(0).permutation(len(labels))[_PARTS[split]]
    images = np.rint(pixels[positions] * (255 / 16)).astype(np.uint8)
    return Split(square(images[:, None], size), labels[positions].astype(np.int64))


def _table() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the pixels (N, 8, 8) from 0 to 16 and the labels (N,), all images of scikit-learn's.

    Its file is read directly where it is as expected, since scikit-learn takes a second to import.
    """
    package = find_spec("sklearn")
    file = Path((package and package.origin) or "").parent / "datasets" / "data" / "digits.csv.gz"
    if file.is_file():
        table = np.loadtxt(file, delimiter=",")
        if table.shape == (_IMAGES, SIZE * SIZE + 1):
            return table[:, :-1].reshape(-1, SIZE, SIZE), table[:, -1]
    from sklearn.datasets import load_digits

    data = load_digits()
    return data.images, data.target
