"""Whether the classes of a set differ to a glance, which tells a broken set before a search."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nas.data.split import Split

_MOST_IMAGES = 2000
_FEWEST_IMAGES = 40
_SIDE = 4  # of the thumbnails that are compared
_SHUFFLES = 40


def classes_look_alike(split: Split) -> bool:
    """Return whether the classes' average images differ no more than those of shuffled labels.

    Compared are thumbnails of 4 by 4 pixels, of up to 2,000 images: the share of their variance
    that lies between the classes, against its greatest value over 40 shuffles. An image of several
    classes counts for its first. Of fewer than 40 images, or of encoded ones, nothing is said.
    """
    count = len(split)
    positions = np.linspace(0, count - 1, min(count, _MOST_IMAGES)).astype(np.int64)
    labels = split.labels[positions]
    labels = labels if labels.ndim == 1 else labels[:, 0]
    if len(positions) < _FEWEST_IMAGES or not len(split.pixels):
        return False
    features = _thumbnails(split.pixels, positions)
    features = features - features.mean(0)
    generator = np.random.default_rng(0)
    shuffled = (_between(features, generator.permutation(labels)) for _ in range(_SHUFFLES))
    return _between(features, labels) <= max(shuffled)


def _thumbnails(pixels: NDArray[np.uint8], positions: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the sum over each square of a 4 by 4 grid: (N, C * 16)."""
    side = pixels.shape[-1]
    starts = np.linspace(0, side, min(_SIDE, side), endpoint=False).astype(np.int64)

    def thumbnail(image: NDArray[np.uint8]) -> NDArray[np.float64]:  # (C, H, W)
        rows = np.add.reduceat(image, starts, 1, dtype=np.float64)
        return np.add.reduceat(rows, starts, 2).ravel()

    return np.stack([thumbnail(pixels[i]) for i in positions])  # one at a time, as they are large


def _between(features: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Return the sum of squares between the classes; ``features`` (N, D) have mean 0."""
    _, numbers, counts = np.unique(labels, return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), features.shape[1]))
    np.add.at(sums, numbers, features)
    return float((sums**2 / counts[:, None]).sum())
