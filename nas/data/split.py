"""Images and labels as arrays, and the minival that is held out of the training set."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.errors import UserError

NO_LABEL = -1  # pads the rows of images with fewer labels than others
PIXELS_AT_ONCE = 2**26  # pixels in a chunk of a histogram


@dataclass(frozen=True)
class Split:
    """Images and labels of one split.

    ``pixels`` are (N, C, H, W) uint8 with H = W, and may be a memory-mapped file. ``labels`` are
    (N,) int64, or (N, L) with rows padded with :data:`NO_LABEL` if an image may have several
    classes.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, positions: NDArray[np.int64]) -> Split:
        """Return the images and labels at these positions."""
        return Split(self.pixels[positions], self.labels[positions])


@dataclass(frozen=True)
class SearchData:
    """Data of a search or a training: a training set and a minival, never the test split.

    ``name`` is the data as the user named it. ``unreadable`` are the names of the images left out.
    ``statistics`` of the training set and the content's hash ``digest`` are set if they are already
    computed. If ``reopen`` is set, a pickle holds it instead of the images, and unpickling calls
    it, so that the workers of a node share one memory-mapped file.
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
        """Height and width of an image in pixels."""
        return int(self.training.pixels.shape[-1])

    @property
    def channels(self) -> int:
        """Number of channels: 1 for grey images, 3 for colour images."""
        return int(self.training.pixels.shape[1])

    @property
    def is_multi_label(self) -> bool:
        """Whether an image may have several classes."""
        return self.training.labels.ndim > 1

    def fingerprint(self) -> str:
        """Return a hash of all pixels and labels."""
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
    """The test split, for one evaluation after all choices; labels are those of the training set.

    ``split`` is the data set's own name of the split, where it is known.
    """

    name: str
    classes: int
    test: Split
    unreadable: tuple[str, ...] = ()
    split: str = ""


def minival_count(images: int) -> int:
    """Return how many training images to hold out: 2 %, but 1000 to 25,000 and at most 20 %.

    EfficientNetV2, section 3.3, holds out 25,000 images, about 2 % of ImageNet. On small sets, 2 %
    would be too few to tell two networks apart.
    """
    return max(1, min(max(images // 50, 1000), 25_000, images // 5))


def training_and_minival(
    labels: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the positions of the training set and of the minival in a set to be split in two.

    Raises:
        UserError: there are fewer than two images or classes.
    """
    images, classes = len(labels), len(np.unique(labels[labels != NO_LABEL]))
    if images < 2 or classes < 2:
        raise UserError(
            f"--data: got a training set of {images} image{'s' * (images != 1)} in {classes} "
            f"class{'es' * (classes != 1)}, must have 2 or more of both"
        )
    return hold_out(labels, minival_count(images))


def hold_out(labels: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the positions kept and the ``count`` positions held out, the same ones every time.

    Each class is held out in proportion to its size: images are ranked at random within their
    class, and those of the lowest rank relative to the size of the class are taken. An image of
    several classes counts for its first.
    """
    generator = np.random.default_rng(0)
    labels = labels if labels.ndim == 1 else labels[:, 0]
    shares = np.empty(len(labels))
    by_label = np.argsort(labels, kind="stable")
    _, starts = np.unique(labels[by_label], return_index=True)
    for members in np.split(by_label, starts[1:]):
        shares[generator.permutation(members)] = (np.arange(len(members)) + 0.5) / len(members)
    order = np.argsort(shares, kind="stable")
    return np.sort(order[count:]), np.sort(order[:count])


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation of each channel, in units of 0 to 255; ``std`` is at least 1."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


def histogram(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Count how often each channel of pixels (N, C, H, W) has each value: (C, 256)."""
    channels = pixels.shape[1]
    counts = np.zeros((channels, 256), np.int64)
    rows = max(1, PIXELS_AT_ONCE // max(1, pixels[:1].size))
    for start in range(0, len(pixels), rows):
        for channel in range(channels):
            values = pixels[start : start + rows, channel].ravel()
            counts[channel] += np.bincount(values, minlength=256)
    return counts


def statistics(counts: NDArray[np.int64]) -> Statistics:
    """Compute the statistics from a histogram (C, 256); a constant channel gets std 1.

    The result is exact: it does not depend on the order in which the counts were added up.
    """
    values = np.arange(256)
    shares = counts / counts.sum(1, keepdims=True)
    mean = shares @ values
    std = np.sqrt((shares * (values - mean[:, None]) ** 2).sum(1)).clip(1.0)
    return Statistics(tuple(mean.tolist()), tuple(std.tolist()))
