"""Learning rates as functions of progress, which runs from 0 to 1 over a training."""

from __future__ import annotations

import math

DECAY = 0.97  # EfficientNetV2, section 4.1


def share_of_peak(progress: float, warmup: float, decays: float | None) -> float:
    """The share of the peak rate: a cosine, or with ``decays`` so many steps down by 3 %."""
    if decays is None:
        return warmup_cosine(progress, warmup)
    return warmup_staircase(progress, warmup, decays)


def warmup_cosine(progress: float, warmup: float) -> float:
    """The share of the peak rate: a linear rise over ``warmup``, then half a cosine to 0."""
    if progress < warmup:
        return progress / warmup
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))


def warmup_staircase(progress: float, warmup: float, decays: float) -> float:
    """The share of the peak rate: a linear rise over ``warmup``, and 0.97 to the power of how many
    of the ``decays`` even parts of training are over.

    The parts are counted from the start of training, as in the published code: after the rise the
    rate goes on where it would be without.
    """
    if progress < warmup:
        return progress / warmup
    return float(DECAY ** math.floor(progress * decays))
