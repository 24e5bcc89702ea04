"""Images and labels as arrays: the splits of a data set, and the statistics of their pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

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

    ``name`` is the data as the user named it. ``minival_split`` is the data set's own name of the
    split that the minival is; it is empty if the minival was held out of the training set.
    ``unused_split`` is a validation split that could not be used, and why, in a few words.
    ``unreadable`` are the names of the images left out. ``native_size`` is the typical shorter side
    of the images in their files, in pixels, None where it is :attr:`image_size` or not known;
    ``values`` is the range of values that became 0 to 255, None for images of 8 bits.
    ``size_reason`` says in words why a default size is another one.
    ``notes`` are sentences on what was passed over and how values are read, ``warnings`` on what
    looks wrong. ``statistics`` of the training set and the content's hash ``digest`` are set if
    they are already computed. If ``reopen`` is set, a pickle holds it instead of the images, and
    unpickling calls it, so that the workers of a node share one memory-mapped file.
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
    minival_split: str = ""
    unused_split: str = ""
    native_size: int | None = None
    size_reason: str = ""
    values: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

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


EvaluationSplit = Literal["test", "validation"]
EVALUATION_SPLITS: tuple[EvaluationSplit, ...] = ("test", "validation")  # the first is the default


@dataclass(frozen=True)
class EvaluationData:
    """The test split, for one evaluation after all choices; labels are those of the training set.

    ``split`` is the data set's own name of the split, where it is known. With ``is_validation``, it
    is the validation split, which networks are chosen by.
    """

    name: str
    classes: int
    test: Split
    unreadable: tuple[str, ...] = ()
    split: str = ""
    is_validation: bool = False


def no_such_split(spec: str, split: EvaluationSplit | None) -> UserError:
    """Return the error of data that has no such split, or with None neither of the two."""
    if split is None:
        return UserError(
            f"--data: got {spec!r} with no test and no validation split, must have one"
        )
    return UserError(f"--split: got {split}, must be a split that {spec!r} has")


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
