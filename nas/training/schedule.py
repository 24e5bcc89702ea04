"""Learning rates as functions of progress, which runs from 0 to 1 over a training."""

from __future__ import annotations

import math


def warmup_cosine(progress: float, warmup: float) -> float:
    """The share of the peak rate: a linear rise over ``warmup``, then half a cosine to 0."""
    if progress < warmup:
        return progress / warmup
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))
