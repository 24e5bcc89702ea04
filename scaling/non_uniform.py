"""EfficientNetV2's non-uniform scaling: later stages grow deeper (arXiv 2104.00298, section 3.3).

The coefficient phi counts EfficientNet's steps from S. Relative to their B0, S, M and L are about
as deep and wide as EfficientNet-B4, B5 and B7, so phi is 0 for S, 1 for M and 3 for L; XL is one
step further, 4.

The paper publishes no coefficients. Those below were fitted so that EfficientNetV2-S scales to the
published M and L: layers exactly, channels within 8 per stage, parameters within 2 %. The XL has
layers 4,8,8,12,23,30,8 (published: 4,8,8,16,24,32,8) and 18 % fewer parameters.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

from scaling.compound import DEPTHS, WIDTHS, between
from scaling.scaled import check_grown, check_shrunk
from search_space.architecture import Architecture, Stage
from search_space.transforms import multiply, to_nearest_8

PHI = {"S": 0, "M": 1, "L": 3, "XL": 4}
S_STEP = 4  # Relative to its B0, an S is as deep and wide as EfficientNet-B4: 1.8 and 1.4.

LATER_STAGES = 2  # without the closing stage
LATER_BONUS = Fraction("0.3")
CLOSING_LAYERS = Fraction(1, 4)  # of the last stage's layers, as in EfficientNet-B0
CLOSING_WIDTH = 1.72  # times the last stage's channels


def grow(base: Architecture, phi: float) -> Architecture:
    """Scale an S up by ``phi``, from 0 to 4; 0 returns the base itself.

    The rule, for any number of stages, where a *closing* stage is a last stage of stride 1:

    1. Channels of stem and stages are multiplied by :func:`width` and rounded to the nearest 8. The
       head stays.
    2. Layers are multiplied by :func:`depth` and rounded up.
    3. The later stages use :func:`later_depth` instead. These are the closing stage, if there is
       one, and the last two before it.
    4. If there is no closing stage, the last stage uses :func:`depth`, and a closing stage is
       added: like the last one, but with stride 1, 1.72 times its channels and a quarter of its
       layers, rounded up. Below M (phi < 1) it has the share phi of these layers, rounded down.
    5. The base's last stage gains at least one layer with each of M, L and XL.

    Invariants: every stage is at least as deep and as wide as before. A later stage's layers grow
    by at least the factor of the earlier stages. A larger phi makes no stage shallower or narrower.
    From S to M, L and XL layers, and so parameters, strictly grow (by 5). Operators, kernels,
    strides, expansions, squeeze ratios, activations, the stem's stride and the head stay the same.

    Raises:
        ValueError: phi is outside 0 to 4.
    """
    if not 0 <= phi <= PHI["XL"]:
        raise ValueError(f"phi: got {phi}, must be from 0 to {PHI['XL']}")
    if phi == 0:
        return base
    factors = depth_factors(base, phi)
    stages = [
        _grown(stage, factor, phi) for stage, factor in zip(base.stages, factors, strict=True)
    ]
    sizes_passed = sum(0 < size_phi <= phi for size_phi in PHI.values())
    fewest = base.stages[-1].layers + sizes_passed
    stages[-1] = replace(stages[-1], layers=max(stages[-1].layers, fewest))
    grown = replace(
        base,
        stages=(*stages, *([] if has_closing(base) else _closing(stages[-1], phi))),
        stem_channels=_wider(base.stem_channels, phi),
    )
    _check(base, grown, phi)
    return grown


def width(phi: float) -> float:
    """Return the factor on channels: 1.157 for M, 1.471 for L."""
    return 1 + 0.157 * phi


def depth(phi: float) -> Fraction:
    """Return the factor on layers: 1.135 for M, 1.615 for L. Fractions make rounding up exact."""
    x = Fraction(phi)
    return 1 + Fraction("0.1") * x + Fraction("0.035") * x**2


def later_depth(phi: float) -> Fraction:
    """Return the factor on the layers of later stages: from M on, 1.3 times that of the others."""
    return depth(phi) * (1 + LATER_BONUS * min(Fraction(phi), Fraction(1)))


def has_closing(architecture: Architecture) -> bool:
    """Return whether the last stage keeps the resolution of the one before, as V2-M's seventh."""
    return len(architecture.stages) > 1 and architecture.stages[-1].stride == 1


def depth_factors(base: Architecture, phi: float) -> list[Fraction]:
    """Return the factor on each stage's layers, before rounding up (2 to 4 of the rule)."""
    count = len(base.stages)
    closing = int(has_closing(base))
    first_later = count - closing - LATER_STAGES
    factors = [depth(phi) if i < first_later else later_depth(phi) for i in range(count)]
    if not closing:
        factors[-1] = depth(phi)
    return factors


def _grown(stage: Stage, factor: Fraction, phi: float) -> Stage:
    layers = math.ceil(factor * stage.layers)
    return replace(stage, layers=layers, channels=_wider(stage.channels, phi))


def _wider(channels: int, phi: float) -> int:
    return max(channels, to_nearest_8(channels * width(phi)))


def _closing(last: Stage, phi: float) -> list[Stage]:
    """Return the closing stage in a list, which is empty if phi is too small for one layer."""
    layers = math.floor(min(phi, 1) * math.ceil(CLOSING_LAYERS * last.layers))
    channels = to_nearest_8(CLOSING_WIDTH * last.channels)
    return [replace(last, stride=1, layers=layers, channels=channels)] if layers else []


def _check(base: Architecture, grown: Architecture, phi: float) -> None:
    check_grown(base, grown)
    for before, after in zip(base.stages, grown.stages, strict=False):
        assert after.layers >= depth(phi) * before.layers
    assert grown.head_channels == base.head_channels
    assert has_closing(grown) or phi < 1


def shrink(base: Architecture, step: float) -> Architecture:
    """Scale an S down to a B ``step``, from 0 to 4; 4 returns the base itself.

    The rule: B0 has the layers of S divided by 1.8, rounded, and its channels divided by 1.4,
    rounded to the nearest 8. B1 to B3 are that B0 with EfficientNet's width and depth for the step,
    but never more than S has. The head stays. EfficientNetV2-S shrinks to the published layers of
    B0 to B3 exactly, and to their channels within 8.

    Invariants: the stages are as many, and none is deeper or wider than in S. A larger step makes
    none shallower or narrower. Only layers and channels of stem and stages change.

    Raises:
        ValueError: step is outside 0 to 4.
    """
    if not 0 <= step <= S_STEP:
        raise ValueError(f"step: got {step}, must be from 0 to {S_STEP}")
    if step == S_STEP:
        return base
    grown = multiply(_smallest(base), between(WIDTHS, step), between(DEPTHS, step))
    shrunk = replace(
        grown,
        stages=tuple(map(_at_most, grown.stages, base.stages)),
        stem_channels=min(grown.stem_channels, base.stem_channels),
        head_channels=base.head_channels,
    )
    check_shrunk(base, shrunk)
    return shrunk


def _smallest(base: Architecture) -> Architecture:
    """Return the B0 of the family whose S is ``base``."""
    stages = tuple(
        replace(
            stage,
            layers=max(1, int(stage.layers / DEPTHS[S_STEP] + 0.5)),
            channels=to_nearest_8(stage.channels / WIDTHS[S_STEP]),
        )
        for stage in base.stages
    )
    stem_channels = to_nearest_8(base.stem_channels / WIDTHS[S_STEP])
    return replace(base, stages=stages, stem_channels=stem_channels)


def _at_most(stage: Stage, limit: Stage) -> Stage:
    return replace(
        stage,
        layers=min(stage.layers, limit.layers),
        channels=min(stage.channels, limit.channels),
    )
