"""The best of some values that are drawn at random, exactly."""

from __future__ import annotations

import math
from collections.abc import Sequence


def best_chances(count: int, budget: int) -> list[float]:
    """Return the probability of each of ``count`` values to be the best of ``budget`` drawn ones.

    They are drawn without replacement. The smallest value comes first: the i-th smallest of n is
    the best of k with probability C(i - 1, k - 1) / C(n, k).

    Raises:
        ValueError: ``budget`` is not from 1 to ``count``.
    """
    if not 1 <= budget <= count:
        raise ValueError(f"budget: got {budget}, must be from 1 to {count}")
    total = math.comb(count, budget)
    return [math.comb(i, budget - 1) / total for i in range(count)]


def expected_best(rewards: Sequence[float], budget: int) -> float:
    """Return the mean best of ``budget`` rewards drawn without replacement, as by random search."""
    return expected_last(sorted(rewards), budget)


def expected_last(ordered: Sequence[float], budget: int) -> float:
    """Return the mean of the last of ``budget`` values that are drawn from a sequence.

    "Last" is by their place in the sequence. If the values are sorted, it is :func:`expected_best`;
    if another quantity sorts them, it is what selecting by that quantity yields.
    """
    chances = best_chances(len(ordered), budget)
    return math.fsum(p * value for p, value in zip(chances, ordered, strict=True))
