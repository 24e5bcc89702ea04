"""Down from an S: EfficientNetV2-B0 to B3 (arXiv 2104.00298, Table 11)."""

from __future__ import annotations

from dataclasses import replace

from scaling.compound import DEPTHS, WIDTHS, Multipliers, between
from scaling.scaled import check_shrunk
from search_space.architecture import Architecture, Stage
from search_space.transforms import multiply, to_nearest_8

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
