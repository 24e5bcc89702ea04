"""A share of the training images, with as many of each class as in the whole."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SEED = 0


def share_positions(labels: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    """Return the positions of this share of the images, in ascending order.

    ``labels`` are (N,), or (N, L) of images of several classes, of which the first counts. Each
    class gives its share, rounded, and at least one image. The choice is the same at each call, and
    a smaller share is a part of a larger one.
    """
    first = labels if labels.ndim == 1 else labels[:, 0]
    if share >= 1:
        return np.arange(len(first))
    order = np.random.default_rng(_SEED).permutation(len(first))
    chosen = []
    for label in np.unique(first):
        of_class = order[first[order] == label]
        chosen.append(of_class[: max(1, round(share * len(of_class)))])
    return np.sort(np.concatenate(chosen))
