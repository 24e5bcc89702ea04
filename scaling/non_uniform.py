"""EfficientNetV2's scaling: compound, but later stages grow deeper (arXiv 2104.00298, section 3.3).

The coefficient phi counts EfficientNet's steps from the network that is an S. S, M and L are about
as deep and wide, against the family's B0, as EfficientNet-B4, B5 and B7 are; so S is 0, M 1, L 3
and, one step on, XL 4. The paper gives no numbers. Those below were fitted, so that
EfficientNetV2-S gives the published M and L: layers exactly, channels within 8 a stage, parameters
within 2 %. Its XL has layers 4,8,8,12,23,30,8 (published 4,8,8,16,24,32,8) and 18 % fewer
parameters.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

from scaling.compound import DEPTHS, WIDTHS, Multipliers, between
from scaling.scaled import check_grown, check_shrunk
from search_space.architecture import Architecture, Stage
from search_space.transforms import multiply, to_nearest_8

PHI = {"S": 0, "M": 1, "L": 3, "XL": 4}


LATER_STAGES = 2  # before the closing one


LATER_BONUS = Fraction("0.3")


CLOSING_LAYERS = Fraction(1, 4)  # of the last stage's, as in EfficientNet-B0


CLOSING_WIDTH = 1.72


def width(phi: float) -> float:
    """What multiplies channels: M 1.157, L 1.471."""
    return 1 + 0.157 * phi


def depth(phi: float) -> Fraction:
    """What multiplies layers: M 1.135, L 1.615. A fraction, so that rounding up is exact."""
    x = Fraction(phi)
    return 1 + Fraction("0.1") * x + Fraction("0.035") * x**2


def later_depth(phi: float) -> Fraction:
    """What multiplies the later stages' layers: 1.3 times the earlier ones' from M on."""
    return depth(phi) * (1 + LATER_BONUS * min(Fraction(phi), Fraction(1)))


def has_closing(architecture: Architecture) -> bool:
    """Whether the last stage keeps the resolution of the one before, as V2-M's seventh does."""
    return len(architecture.stages) > 1 and architecture.stages[-1].stride == 1


def grow(base: Architecture, phi: float) -> Architecture:
    """The base grown by ``phi``, 0 to 4; 0 is the base itself.

    Rule, for any number of stages:

    1. Channels of stem and stages times ``width``, to the nearest 8. The head stays.
    2. Layers times ``depth``, rounded up.
    3. The later stages, which are the last two and a closing stage after them if there is one, by
       ``later_depth`` instead. A *closing* stage is a last one of stride 1.
    4. A last stage that nothing closes grows by ``depth`` alone, and its further growth is a
       closing stage that is added: like it, but of stride 1, with 1.72 times its channels and a
       quarter of its layers, rounded up. On the way to M (phi < 1) the share phi of those, rounded
       down.
    5. The last of the base's stages gains at least one layer with each of M, L and XL.

    Invariants: every stage is at least as deep and as wide as before; a later stage's layers are
    at least the earlier ones' factor times what they were; a larger phi makes no stage shallower or
    narrower, and S, M, L and XL have strictly more layers, so parameters, one after the other (5);
    operators, kernels, strides, expansions, squeeze ratios, the stem's stride and the head stay.

    Raises:
        ValueError: phi is outside 0 to 4.
    """
    if not 0 <= phi <= PHI["XL"]:
        raise ValueError(f"phi: got {phi}, must be from 0 to {PHI['XL']}")
    if phi == 0:
        return base
    factors = depth_factors(base, phi)
    stages = [_grown(own, factor, phi) for own, factor in zip(base.stages, factors, strict=True)]
    sizes_passed = sum(0 < own <= phi for own in PHI.values())
    fewest = base.stages[-1].layers + sizes_passed
    stages[-1] = replace(stages[-1], layers=max(stages[-1].layers, fewest))
    grown = replace(
        base,
        stages=(*stages, *([] if has_closing(base) else _closing(stages[-1], phi))),
        stem_channels=_wider(base.stem_channels, phi),
    )
    _check(base, grown, phi)
    return grown


def depth_factors(base: Architecture, phi: float) -> list[Fraction]:
    """What multiplies each stage's layers, before rounding up (2 to 4 of the rule)."""
    count = len(base.stages)
    closing = int(has_closing(base))
    first_later = count - closing - LATER_STAGES
    factors = [depth(phi) if i < first_later else later_depth(phi) for i in range(count)]
    if not closing:
        factors[-1] = depth(phi)
    return factors


def _grown(own: Stage, factor: Fraction, phi: float) -> Stage:
    return replace(own, layers=math.ceil(factor * own.layers), channels=_wider(own.channels, phi))


def _wider(channels: int, phi: float) -> int:
    return max(channels, to_nearest_8(channels * width(phi)))


def _closing(last: Stage, phi: float) -> list[Stage]:
    """The stage that is added, in a list; none where phi is too small for its first layer."""
    layers = math.floor(min(phi, 1) * math.ceil(CLOSING_LAYERS * last.layers))
    channels = to_nearest_8(CLOSING_WIDTH * last.channels)
    return [replace(last, stride=1, layers=layers, channels=channels)] if layers else []


def _check(base: Architecture, grown: Architecture, phi: float) -> None:
    check_grown(base, grown)
    for own, stage in zip(base.stages, grown.stages, strict=False):
        assert stage.layers >= depth(phi) * own.layers
    assert grown.head_channels == base.head_channels
    assert has_closing(grown) or phi < 1


S_STEP = 4  # An S is as deep and wide, against its B0, as EfficientNet-B4: 1.8 and 1.4.


def shrink(base: Architecture, step: float) -> Architecture:
    """The S ``base`` made as small as a B of ``step``, 0 to 4; 4 is the base itself.

    Rule: the family's B0 has the S's layers divided by 1.8, to the nearest, and its channels
    divided by 1.4, to the nearest 8. Its B1 to B3 are that B0 by EfficientNet's width and depth of
    the step, where this is no more than the S has. The head stays. From EfficientNetV2-S it gives
    the published layers of B0 to B3 exactly and channels within 8 of theirs.

    Invariants: as many stages, none deeper or wider than the S's; a larger step makes none
    shallower or narrower; all but layers and channels of stem and stages stays.

    Raises:
        ValueError: step is outside 0 to 4.
    """
    if not 0 <= step <= S_STEP:
        raise ValueError(f"step: got {step}, must be from 0 to {S_STEP}")
    if step == S_STEP:
        return base
    multipliers = Multipliers(between(WIDTHS, step), between(DEPTHS, step), 1.0)
    grown = multiply(_smallest(base), multipliers.width, multipliers.depth)
    shrunk = replace(
        grown,
        stages=tuple(map(_at_most, grown.stages, base.stages)),
        stem_channels=min(grown.stem_channels, base.stem_channels),
        head_channels=base.head_channels,
    )
    check_shrunk(base, shrunk)
    return shrunk


def _smallest(base: Architecture) -> Architecture:
    """The family's B0."""
    stages = tuple(
        replace(
            own,
            layers=max(1, int(own.layers / DEPTHS[S_STEP] + 0.5)),
            channels=to_nearest_8(own.channels / WIDTHS[S_STEP]),
        )
        for own in base.stages
    )
    stem_channels = to_nearest_8(base.stem_channels / WIDTHS[S_STEP])
    return replace(base, stages=stages, stem_channels=stem_channels)


def _at_most(stage: Stage, own: Stage) -> Stage:
    return replace(
        stage,
        layers=min(stage.layers, own.layers),
        channels=min(stage.channels, own.channels),
    )
