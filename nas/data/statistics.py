"""What images are normalised by: the mean and deviation of the training set's pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
