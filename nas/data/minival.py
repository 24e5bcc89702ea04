"""The minival: the images that accuracy is measured on during a search or a training.

It is the data set's own validation split if it has one, else a part of the training set. The test
split is never part of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.data.split import NO_LABEL
from nas.errors import UserError

AUTO, FROM_TRAINING = "auto", "train"
FORM = "auto, train, or a share of the training set such as 0.1 (above 0, up to 0.5)"
MOST_SHARE = 0.5
_FEWEST, _MOST = 5000, 25_000  # images, where the shares below allow them
_SHARE, _MOST_SHARE = 50, 5  # 1/50 and 1/5 of the training set


@dataclass(frozen=True)
class MinivalChoice:
    """Where the minival comes from.

    With ``is_split_used``, the data set's own validation split is taken if it has one. Otherwise
    the minival is held out of the training set: the ``share`` of it, above 0 and up to 0.5, or
    :func:`minival_count` images if that is None.
    """

    is_split_used: bool = True
    share: float | None = None

    @property
    def text(self) -> str:
        """The choice in the form that :func:`parse_minival` reads."""
        if self.share is not None:
            return f"{self.share:g}"
        return AUTO if self.is_split_used else FROM_TRAINING

    def count(self, images: int) -> int:
        """Return how many of so many training images to hold out."""
        return minival_count(images) if self.share is None else max(1, round(self.share * images))


def parse_minival(text: str) -> MinivalChoice:
    """Return the choice that a text names: ``auto``, ``train`` or a share such as ``0.1``.

    Raises:
        ValueError: the text names none.
    """
    if text in (AUTO, FROM_TRAINING):
        return MinivalChoice(is_split_used=text == AUTO)
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 < share <= MOST_SHARE:
        raise ValueError(f"got {text!r}, must be {FORM}")
    return MinivalChoice(is_split_used=False, share=share)


def minival_count(images: int) -> int:
    """Return how many training images to hold out: 2 %, but 5,000 to 25,000 and at most 20 %.

    EfficientNetV2, section 5.1, holds out 25,000 images, about 2 % of ImageNet. On small sets, 2 %
    would be too few to tell two networks apart (:func:`half_width`).
    """
    return max(1, min(max(images // _SHARE, _FEWEST), _MOST, images // _MOST_SHARE))


def half_width(images: int, accuracy: float = 0.9) -> float:
    """Return half the width of the 95 % interval of an accuracy measured on so many images."""
    return 1.96 * math.sqrt(accuracy * (1 - accuracy) / images)


def guessing_accuracy(labels: NDArray[np.int64]) -> float:
    """Return the accuracy in [0, 1] of always naming the most frequent class."""
    rows = labels if labels.ndim > 1 else labels[:, None]
    counts = np.bincount(rows[rows != NO_LABEL])  # an image has each of its classes once
    return float(counts.max() / len(rows))


def training_and_minival(
    labels: NDArray[np.int64], choice: MinivalChoice
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
    return hold_out(labels, choice.count(images))


def hold_out(labels: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the positions kept and the ``count`` positions held out, the same ones every time.

    Each class is held out in proportion to its size: images are ranked at random within their
    class, and those of the lowest rank relative to the size of the class are taken, a class's only
    image last of all. An image of several classes counts for its first.
    """
    generator = np.random.default_rng(0)
    labels = labels if labels.ndim == 1 else labels[:, 0]
    shares = np.empty(len(labels))
    by_label = np.argsort(labels, kind="stable")
    _, starts = np.unique(labels[by_label], return_index=True)
    for members in np.split(by_label, starts[1:]):
        if len(members) == 1:
            shares[members] = 1.0
            continue
        shares[generator.permutation(members)] = (np.arange(len(members)) + 0.5) / len(members)
    order = np.argsort(shares, kind="stable")
    return np.sort(order[count:]), np.sort(order[:count])
