"""The member of a family that comes closest under a target, by search over its place."""

from __future__ import annotations

from collections.abc import Callable

from scaling.families import Family
from scaling.scaled import Scaled

Measure = Callable[[Scaled], float]


class OutOfReach(ValueError):
    """The target lies outside the family: under its smallest member or over its largest.

    ``low`` and ``high`` are what those two measure.
    """

    def __init__(self, low: float, high: float) -> None:
        super().__init__(f"from {low:g} to {high:g}")
        self.low, self.high = low, high


def closest_under(family: Family, measure: Measure, target: float, halvings: int = 16) -> Scaled:
    """The largest member that ``measure`` puts at ``target`` or under it.

    Bisection: members only grow with their place, so ``measure`` must. After ``halvings`` the place
    is known to 8 / 2^halvings, if the two ends are not one network before. The family's own ends
    are measured only where the search runs into them: the large one may be slow.

    Raises:
        OutOfReach: no member is at the target or under it, or all are under it.
    """
    smallest, largest = (family.member(place) for place in family.range)
    low, high = _bisect(family, lambda member: measure(member) <= target, halvings)
    if _is_same(high, largest) and (most := measure(largest)) <= target:
        if most < target:
            raise OutOfReach(measure(smallest), most)
        return largest
    if _is_same(low, smallest) and (least := measure(smallest)) > target:
        raise OutOfReach(least, measure(largest))
    return low


def _bisect(family: Family, fits: Callable[[Scaled], bool], halvings: int) -> tuple[Scaled, Scaled]:
    """The largest member that fits and the smallest that does not, of those that were tried.

    They are the family's ends where none that was tried fits, or all do.
    """
    low, high = (family.member(place) for place in family.range)
    for _ in range(halvings):
        if _is_same(low, high):
            break
        middle = family.member((low.place + high.place) / 2)
        if _is_same(middle, low) or (not _is_same(middle, high) and fits(middle)):
            low = middle
        else:
            high = middle
    return low, high


def _is_same(one: Scaled, other: Scaled) -> bool:
    return (one.architecture, one.sizes) == (other.architecture, other.sizes)
