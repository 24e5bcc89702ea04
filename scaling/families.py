"""Families: the networks that a base network scales to, by name or by size.

The members of a family lie on one scale, which counts EfficientNet's steps: B0 to B8 are at places
0 to 8, and L2 at 9. S is as deep and wide as B4, M as B5 and L as B7; XL is one step further.

Beside the families, :func:`by_factors` scales any network by width, depth or resolution.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scaling import compound, non_uniform
from scaling.compound import Multipliers
from scaling.scaled import Base, ImageSizes, Scaled, scale, to_multiple
from search_space.architecture import Architecture
from search_space.published import (
    PUBLISHED,
    efficientnet_edgetpu,
    progressive_size_v1,
    published,
)
from search_space.transforms import Rounding, multiply, to_nearest_8, to_nearest_8_guarded

EFFICIENTNETV2_SML = ("efficientnetv2-s", "efficientnetv2-m", "efficientnetv2-l")

# The published B0, B1 and so on: image sizes in pixels, and dropout.
_V1_SIZES = (224, 240, 260, 300, 380, 456, 528, 600, 672, 800)
_V2_SIZES = (224, 240, 260, 300)
_V2_TRAIN_SIZES = (192, 192, 208, 240)
_DROPOUTS = (0.2, 0.2, 0.3, 0.3, 0.4, 0.4, 0.5, 0.5, 0.5, 0.5)
_V1_PLACES = {**{f"B{i}": float(i) for i in range(9)}, "L2": 9.0}
_V2_PLACES = {f"B{i}": float(i) for i in range(4)}
_EDGETPU_PLACES = {"S": 0.0, "M": 1.0, "L": 3.0}

_S_SIZE = 384  # EfficientNetV2-S at inference
_GROWTH = 480 / _S_SIZE  # inference size of M and L over that of S

_S_PLACES = {f"B{i}": float(i) for i in range(non_uniform.S_STEP)} | {
    name: float(non_uniform.S_STEP + phi) for name, phi in non_uniform.PHI.items()
}


@dataclass(frozen=True)
class Family:
    """All networks that a base scales to.

    ``places`` maps each named member to its place. ``member`` makes the member at any place from
    the lowest to the highest of these. ``rounding`` of channels and
    ``progressive_size``, the last size of progressive learning by that of inference, also hold
    where a network of the family is scaled by factors; None if the latter follows from Table 6.
    """

    base: Base
    places: Mapping[str, float]
    member: Callable[[float], Scaled]
    coefficients: Mapping[str, float] | None = None  # alpha, beta and gamma of a user's own rule
    rounding: Rounding = to_nearest_8
    progressive_size: Callable[[int], int] | None = None

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest place."""
        return min(self.places.values()), max(self.places.values())


def family_of(base: Base) -> Family:
    """Return the family of a network. Any but a published network becomes the S of its family.

    EfficientNet-B0 to B8 and L2, V2-B0 to B3, and EfficientNet-EdgeTPU-S, M and L are scaled from
    their smallest by the compound rule, exactly as published. Image sizes of B6 and above exceed
    the cap of 480 px, as published. V2-S, M, L and XL are scaled from V2-S by the non-uniform rule,
    which comes close to the published ones (:mod:`scaling.non_uniform`).
    """
    name = base.name
    if name not in PUBLISHED or published(name).architecture != base.architecture:
        return s_family(base)
    if name.startswith("efficientnet-edgetpu-"):
        return _edgetpu_family()
    if name.startswith("efficientnet-"):
        b0 = _published_base("efficientnet-b0")
        sizes = _Sizes(_V1_SIZES, _V1_SIZES, progressive_size_v1)
        return _b_family(b0, _V1_PLACES, sizes, to_nearest_8_guarded)
    if name.startswith("efficientnetv2-b"):
        b0 = _published_base("efficientnetv2-b0")
        return _b_family(b0, _V2_PLACES, _Sizes(_V2_SIZES, _V2_TRAIN_SIZES), to_nearest_8)
    return s_family(_published_base("efficientnetv2-s"))


def s_family(base: Base) -> Family:
    """Return the family whose S is ``base``.

    B0 to B3 are made by shrinking, M to XL by the non-uniform rule. Inference sizes keep the
    published ratios to V2-S's, and training sizes are about 20 % smaller. So M, L and XL of a base
    of 8 px are evaluated at 10 px, as those of a base of 384 px at 480.
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

    return Family(base, _S_PLACES, member)


def coefficient_family(base: Base, alpha: float, beta: float, gamma: float) -> Family:
    """Return the family PHI0, which is the base, to PHI7, by coefficients fitted to the base."""

    def member(phi: float) -> Scaled:
        return by_compound(base, alpha, beta, gamma, phi)

    places = {f"PHI{phi}": float(phi) for phi in range(8)}
    return Family(base, places, member, {"alpha": alpha, "beta": beta, "gamma": gamma})


def by_compound(base: Base, alpha: float, beta: float, gamma: float, phi: float) -> Scaled:
    """Scale a base by EfficientNet's rule with any coefficients (:func:`compound.compound`).

    Image sizes are gamma^phi times the base's, without a cap. The member's place is phi.
    """
    multipliers = compound.compound(alpha, beta, gamma, phi)
    train, inference = (
        max(size, to_multiple(size * multipliers.resolution))
        for size in (base.sizes.train, base.sizes.eval)
    )
    architecture = compound.grow(base.architecture, multipliers)
    return Scaled(architecture, ImageSizes(train, inference), "compound", phi, base)


def by_factors(
    base: Base,
    factors: Multipliers,
    rounding: Rounding = to_nearest_8,
    progressive_size: Callable[[int], int] | None = None,
) -> Scaled:
    """Scale a base by width, depth and resolution alone (EfficientNet, section 3.2, Figure 3).

    Each factor may also be below 1. Channels are rounded by ``rounding``, layers up, and both image
    sizes to even numbers or multiples of 4; the cap of 480 px does not apply.
    """
    architecture = multiply(base.architecture, factors.width, factors.depth, rounding)
    train, inference = (
        size if factors.resolution == 1 else to_multiple(size * factors.resolution)
        for size in (base.sizes.train, base.sizes.eval)
    )
    changed = {name: factor for name, factor in vars(factors).items() if factor != 1}
    rule = next(iter(changed)) if len(changed) == 1 else "factors"
    return Scaled(
        architecture,
        ImageSizes(train, inference),
        rule,
        place=0.0,
        parent=base,
        progressive_size=progressive_size(inference) if progressive_size else None,
        factors=dict(vars(factors)),
    )


@dataclass(frozen=True)
class _Sizes:
    """Image sizes of a family's B0, B1 and so on, in pixels."""

    inference: tuple[int, ...]
    train: tuple[int, ...]
    progressive: Callable[[int], int] | None = None  # the last size, by that of inference


def _edgetpu_family() -> Family:
    """Return the family of EfficientNet-EdgeTPU, whose S, M and L are B steps 0, 1 and 3."""
    base = _published_base("efficientnet-edgetpu-s")
    sizes = _Sizes(_V1_SIZES, _V1_SIZES, progressive_size_v1)

    def grow(multipliers: Multipliers) -> Architecture:
        return efficientnet_edgetpu(multipliers.width, multipliers.depth)

    member = _by_steps(base, sizes, grow)
    return Family(base, _EDGETPU_PLACES, member, None, to_nearest_8_guarded, progressive_size_v1)


def _b_family(base: Base, places: Mapping[str, float], sizes: _Sizes, rounding: Rounding) -> Family:
    """Return the family of a published B0, by the compound rule."""

    def grow(multipliers: Multipliers) -> Architecture:
        return compound.grow(base.architecture, multipliers, rounding)

    member = _by_steps(base, sizes, grow)
    return Family(base, places, member, None, rounding, sizes.progressive)


def _by_steps(
    base: Base, sizes: _Sizes, grow: Callable[[Multipliers], Architecture]
) -> Callable[[float], Scaled]:
    """Return the function that makes the member of a B step, with the published sizes."""

    def member(place: float) -> Scaled:
        inference, train = (
            to_multiple(compound.between(pixels, place))
            for pixels in (sizes.inference, sizes.train)
        )
        return Scaled(
            grow(compound.at_step(place, sizes.inference)),
            ImageSizes(train, inference),
            "compound",
            place,
            base,
            dropout=round(compound.between(_DROPOUTS, place), 3),
            progressive_size=sizes.progressive(inference) if sizes.progressive else None,
        )

    return member


def _published_base(name: str) -> Base:
    network = published(name)
    sizes = ImageSizes(network.train_size, network.eval_size)
    return Base(name, network.architecture, sizes)


def sml_parameters(
    count: Callable[[Architecture], int], family: Family | None = None
) -> tuple[int, int, int]:
    """Count the parameters of a family's S, M and L, for :mod:`scaling.regularization`.

    A family by fitted coefficients has no such names; the usual family of its base stands in for
    it. EfficientNetV2's S, M and L stand in for those of a B family or of no family.
    """
    if family is not None and family.coefficients:
        family = s_family(family.base)
    if family is not None and "S" in family.places:
        networks = [family.member(family.places[name]).architecture for name in "SML"]
    else:
        networks = [published(name).architecture for name in EFFICIENTNETV2_SML]
    small, medium, large = map(count, networks)
    return small, medium, large


Measure = Callable[[Scaled], float]


class OutOfReach(ValueError):
    """The target lies below the family's smallest member or above its largest.

    ``low`` and ``high`` are the measured quantity of those two.
    """

    def __init__(self, low: float, high: float) -> None:
        super().__init__(f"from {low:g} to {high:g}")
        self.low, self.high = low, high


def closest_under(family: Family, measure: Measure, target: float, halvings: int = 16) -> Scaled:
    """Return the largest member whose measured quantity does not exceed ``target``, by bisection.

    Members only grow with their place, so ``measure`` must grow with it too. ``halvings`` narrow
    the place down to the length of the family's scale over 2^halvings; the search ends earlier once
    its two ends are the same network. The family's own ends are measured only where the search
    arrives at them, because the largest may be slow to measure.

    Raises:
        OutOfReach: the target is below every member or above every member.
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
    """Return the largest tried member that fits, and the smallest tried one that does not.

    Where none fits, or all fit, the family's end takes the place of the missing one.
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
