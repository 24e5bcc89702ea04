"""Images and labels as arrays, and the minival that is held out of the training set."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Split:
    """``pixels`` (N, C, H, W) uint8 with H = W, ``labels`` (N,) int64."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: NDArray[np.int64]) -> Split:
        """The images of these positions."""
        return Split(self.pixels[index], self.labels[index])


@dataclass(frozen=True)
class SearchData:
    """What a search reads: a training set and a minival. The test split is not in here."""

    name: str
    classes: int
    training: Split
    minival: Split
    unreadable: tuple[str, ...] = ()

    @property
    def image_size(self) -> int:
        """Height and width in pixels."""
        return int(self.training.pixels.shape[-1])

    @property
    def channels(self) -> int:
        """1 for grey images, 3 for colour."""
        return int(self.training.pixels.shape[1])

    def fingerprint(self) -> str:
        """A hash of all pixels and labels: the same data, or not."""
        digest = hashlib.sha256()
        for split in (self.training, self.minival):
            digest.update(repr(split.pixels.shape).encode())
            digest.update(np.ascontiguousarray(split.pixels).data)
            digest.update(np.ascontiguousarray(split.labels).data)
        return digest.hexdigest()[:16]


def minival_count(images: int) -> int:
    """How many of the training images to hold out: 2 %, but 1000 to 25,000, and never over 20 %.

    EfficientNetV2, section 3.3, holds out 25,000, about 2 % of ImageNet. On small sets that would
    be too few to tell two networks apart.
    """
    return max(1, min(max(images // 50, 1000), 25_000, images // 5))


def hold_out(labels: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of (kept, held out): ``count`` held out, each class by its share, always the same.

    Within a class the choice is random; over the classes it is even, since the positions are sorted
    by their rank within the class, as a share of the class.
    """
    generator = np.random.default_rng(0)
    shares = np.empty(len(labels))
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        shares[generator.permutation(own)] = (np.arange(len(own)) + 0.5) / len(own)
    order = np.argsort(shares, kind="stable")
    return np.sort(order[count:]), np.sort(order[:count])
