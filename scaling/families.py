"""Families: which networks a network scales to, under which names, and by which rule.

A family's members have places on one scale, which counts EfficientNet's steps: B0 to B7 are 0 to 7,
S is as B4, M as B5, L as B7 and XL one further.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scaling import compound, non_uniform
from scaling.scaled import Base, ImageSizes, Scaled, scale, to_multiple
from search_space.published import PUBLISHED, published
from search_space.transforms import Rounding, to_nearest_8, to_nearest_8_guarded


@dataclass(frozen=True)
class Family:
    """All members that a base has: ``places`` by name, and :meth:`member` at any place between."""

    base: Base
    places: Mapping[str, float]
    member: Callable[[float], Scaled]
    coefficients: Mapping[str, float] | None = None  # alpha, beta and gamma, if they are its own

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest place."""
        return min(self.places.values()), max(self.places.values())


S_PLACES: dict[str, float] = {f"B{i}": float(i) for i in range(4)} | {
    name: float(non_uniform.S_STEP + phi) for name, phi in non_uniform.PHI.items()
}


_V1_SIZES = (224, 240, 260, 300, 380, 456, 528, 600)


_V2_SIZES = (224, 240, 260, 300)


_V2_TRAIN_SIZES = (192, 192, 208, 240)


_V1_DROPOUTS = (0.2, 0.2, 0.3, 0.3, 0.4, 0.4, 0.5, 0.5)


_S_SIZE = 384  # EfficientNetV2-S's, at inference


_GROWTH = 480 / _S_SIZE  # what M's and L's inference size is to S's


def family_of(base: Base) -> Family:
    """The family of a network. A published one knows its own; any other one is its family's S.

    EfficientNet-B0 to B7 and V2-B0 to B3 come from their B0 by the compound rule, exactly as
    published. Of V2-S, M, L and XL the base is V2-S, from which the non-uniform rule makes the
    others, near to the published ones (:mod:`scaling.non_uniform`).
    """
    name = base.name
    if name not in PUBLISHED or published(name).architecture != base.architecture:
        return s_family(base)
    if name.startswith("efficientnet-b"):
        b0 = _published_base("efficientnet-b0")
        return _b_family(b0, _V1_SIZES, _V1_SIZES, to_nearest_8_guarded)
    if name.startswith("efficientnetv2-b"):
        b0 = _published_base("efficientnetv2-b0")
        return _b_family(b0, _V2_SIZES, _V2_TRAIN_SIZES, to_nearest_8)
    return s_family(_published_base("efficientnetv2-s"))


def s_family(base: Base) -> Family:
    """The family whose S is ``base``: down to B0 by shrinking, up to XL by the non-uniform rule.

    The inference size is the base's times what the published is to V2-S's, and training
    about 20 % less. So an 8 px base is evaluated at 10 px as M, L and XL, as a 384 px one at 480.
    """

    def member(place: float) -> Scaled:
        if place < non_uniform.S_STEP:
            ratio = compound.between((*_V2_SIZES, _S_SIZE), place) / _S_SIZE
            architecture = non_uniform.shrink(base.architecture, place)
            return Scaled(architecture, scale(base.sizes, ratio), "shrink", place, base)
        phi = place - non_uniform.S_STEP
        ratio = 1 + (_GROWTH - 1) * min(phi, 1)
        architecture = non_uniform.grow(base.architecture, phi)
        return Scaled(architecture, scale(base.sizes, ratio), "non-uniform", place, base)

    return Family(base, S_PLACES, member)


def coefficient_family(base: Base, alpha: float, beta: float, gamma: float) -> Family:
    """The family of a base by coefficients of its own: PHI0, the base, to PHI7 by name."""

    def member(phi: float) -> Scaled:
        return by_compound(base, alpha, beta, gamma, phi)

    places = {f"PHI{phi}": float(phi) for phi in range(8)}
    return Family(base, places, member, {"alpha": alpha, "beta": beta, "gamma": gamma})


def by_compound(base: Base, alpha: float, beta: float, gamma: float, phi: float) -> Scaled:
    """The base by EfficientNet's rule with coefficients of one's own (:func:`compound.compound`).

    Image sizes are gamma^phi times the base's, and have no cap; ``place`` is phi.
    """
    multipliers = compound.compound(alpha, beta, gamma, phi)
    train, inference = (
        max(size, to_multiple(size * multipliers.resolution))
        for size in (base.sizes.train, base.sizes.eval)
    )
    architecture = compound.grow(base.architecture, multipliers)
    return Scaled(architecture, ImageSizes(train, inference), "compound", phi, base)


def _b_family(
    base: Base, sizes: tuple[int, ...], train_sizes: tuple[int, ...], rounding: Rounding
) -> Family:
    """The family of a published B0, by the compound rule."""

    def member(place: float) -> Scaled:
        multipliers = compound.at_step(place, sizes)
        architecture = compound.grow(base.architecture, multipliers, rounding)
        inference, train = (to_multiple(compound.between(of, place)) for of in (sizes, train_sizes))
        dropout = round(compound.between(_V1_DROPOUTS, place), 3)
        return Scaled(architecture, ImageSizes(train, inference), "compound", place, base, dropout)

    return Family(base, {f"B{i}": float(i) for i in range(len(sizes))}, member)


def _published_base(name: str) -> Base:
    network = published(name)
    sizes = ImageSizes(network.train_size, network.eval_size)
    return Base(name, network.architecture, sizes)


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
