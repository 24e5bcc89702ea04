"""The member of a family that comes closest under a target, by search over its place."""

from __future__ import annotations

from collections.abc import Callable

from scaling.families import Family
from scaling.scaled import Scaled

Measure = Callable[[Scaled], float]


class OutOfReach(ValueError):
    """The target lies outside the family: under its smallest member or over its largest."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__(f"from {low:g} to {high:g}")
        self.low, self.high = low, high


def closest_under(family: Family, measure: Measure, target: float, halvings: int = 16) -> Scaled:
    """The largest member that ``measure`` puts at ``target`` or under it.

    Bisection: members only grow with their place, so ``measure`` must. After ``halvings`` the place
    is known to 8 / 2^halvings, if the two ends are not one network before.

    Raises:
        OutOfReach: the target is under the smallest member or over the largest.
    """
    low, high = (family.member(place) for place in family.range)
    least, most = measure(low), measure(high)
    if not least <= target <= most:
        raise OutOfReach(least, most)
    if most == target:
        return high
    for _ in range(halvings):
        if (low.architecture, low.sizes) == (high.architecture, high.sizes):
            break
        middle = family.member((low.place + high.place) / 2)
        if (middle.architecture, middle.sizes) == (low.architecture, low.sizes):
            low = middle
        elif (middle.architecture, middle.sizes) == (high.architecture, high.sizes):
            high = middle
        elif measure(middle) <= target:
            low = middle
        else:
            high = middle
    return low
