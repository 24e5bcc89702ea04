"""Images and labels as arrays, and the minival that is held out of the training set."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.errors import UserError

NO_LABEL = -1


@dataclass(frozen=True)
class Split:
    """``pixels`` (N, C, H, W) uint8 with H = W, which may be a memory-mapped file.

    ``labels`` are (N,) int64; or (N, L) where an image has several classes, each row filled up with
    :data:`NO_LABEL`.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: NDArray[np.int64]) -> Split:
        """The images of these positions."""
        return Split(self.pixels[index], self.labels[index])


@dataclass(frozen=True)
class SearchData:
    """What a search and a training read: a training set and a minival, never the test split.

    ``statistics`` are those of the training set where they are known already, ``digest`` likewise
    stands for the content. Where ``reopen`` is set, a pickle holds it instead of the images, and
    unpickling calls it: so do the workers of a node share one memory-mapped file.
    """

    name: str
    classes: int
    training: Split
    minival: Split
    unreadable: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    statistics: Statistics | None = None
    digest: str | None = None
    reopen: Callable[[], SearchData] | None = None

    @property
    def image_size(self) -> int:
        """Height and width in pixels."""
        return int(self.training.pixels.shape[-1])

    @property
    def channels(self) -> int:
        """1 for grey images, 3 for colour."""
        return int(self.training.pixels.shape[1])

    @property
    def is_multi_label(self) -> bool:
        """Whether an image may have several classes."""
        return self.training.labels.ndim > 1

    def fingerprint(self) -> str:
        """A hash of all pixels and labels: the same data, or not."""
        if self.digest is not None:
            return self.digest
        digest = hashlib.sha256()
        for split in (self.training, self.minival):
            digest.update(repr(split.pixels.shape).encode())
            digest.update(np.ascontiguousarray(split.pixels).data)
            digest.update(np.ascontiguousarray(split.labels).data)
        return digest.hexdigest()[:16]

    def __reduce_ex__(self, protocol: Any) -> Any:
        return super().__reduce_ex__(protocol) if self.reopen is None else (self.reopen, ())


@dataclass(frozen=True)
class EvaluationData:
    """The test split, read once, when all is chosen. Labels are those of the training set.

    ``split`` is what the data set calls it, where that is known.
    """

    name: str
    classes: int
    test: Split
    unreadable: tuple[str, ...] = ()
    split: str = ""


def minival_count(images: int) -> int:
    """How many of the training images to hold out: 2 %, but 1000 to 25,000, and never over 20 %.

    EfficientNetV2, section 3.3, holds out 25,000, about 2 % of ImageNet. On small sets that would
    be too few to tell two networks apart.
    """
    return max(1, min(max(images // 50, 1000), 25_000, images // 5))


def training_and_minival(
    labels: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of (the training set, the minival) in a set that is to be both.

    Raises:
        UserError: one image or class, or none.
    """
    classes = len(np.unique(labels[labels != NO_LABEL]))
    if len(labels) < 2 or classes < 2:
        raise UserError(
            f"--data: got a training set with labels of {classes} class and {len(labels)} images, "
            "must be 2 or more of both"
        )
    return hold_out(labels, minival_count(len(labels)))


def hold_out(labels: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of (kept, held out): ``count`` held out, each class by its share, always the same.

    Within a class the choice is random; over the classes it is even, since the positions are sorted
    by their rank within the class, as a share of the class. An image of several classes counts for
    its first.
    """
    generator = np.random.default_rng(0)
    labels = labels if labels.ndim == 1 else labels[:, 0]
    shares = np.empty(len(labels))
    by_label = np.argsort(labels, kind="stable")
    _, starts = np.unique(labels[by_label], return_index=True)
    for own in np.split(by_label, starts[1:]):
        shares[generator.permutation(own)] = (np.arange(len(own)) + 0.5) / len(own)
    order = np.argsort(shares, kind="stable")
    return np.sort(order[count:]), np.sort(order[:count])


_AT_ONCE = 2**26  # pixels


@dataclass(frozen=True)
class Statistics:
    """``mean`` and ``std`` of each channel, in units of 0 to 255; ``std`` is at least 1."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


def histogram(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How often each channel has each value: (C, 256), of (N, C, H, W) pixels."""
    channels = pixels.shape[1]
    counts = np.zeros((channels, 256), np.int64)
    rows = max(1, _AT_ONCE // max(1, pixels[:1].size))
    for start in range(0, len(pixels), rows):
        for channel in range(channels):
            values = pixels[start : start + rows, channel].ravel()
            counts[channel] += np.bincount(values, minlength=256)
    return counts


def statistics(counts: NDArray[np.int64]) -> Statistics:
    """Exact, whatever the order in which the counts were added up. A constant channel has std 1."""
    values = np.arange(256)
    shares = counts / counts.sum(1, keepdims=True)
    mean = shares @ values
    std = np.sqrt((shares * (values - mean[:, None]) ** 2).sum(1)).clip(1.0)
    return Statistics(tuple(mean.tolist()), tuple(std.tolist()))
