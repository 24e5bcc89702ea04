"""Transforms of an architecture: multiplied width and depth, and fused stages."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from search_space.architecture import Architecture

Rounding = Callable[[float], int]


def to_nearest_8(channels: float) -> int:
    """Round to the nearest multiple of 8, at least 8 (EfficientNetV2's public code)."""
    return max(8, int(channels + 4) // 8 * 8)


def to_nearest_8_guarded(channels: float) -> int:
    """Round like :func:`to_nearest_8`, but at most 10 % down (EfficientNet's public code)."""
    rounded = to_nearest_8(channels)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def multiply(
    base: Architecture, width: float, depth: float, rounding: Rounding = to_nearest_8
) -> Architecture:
    """Multiply channels by ``width``, rounded, and layers by ``depth``, rounded up.

    Stem and head widen with the stages, but the head never narrows (EfficientNet, section 3.3 and
    its public code). A width of 1 keeps all channels, even those that are no multiples of 8.
    Strides, kernels, operators and expansions stay the same.
    """
    if width == 1:
        rounding = round
    stages = tuple(
        replace(
            stage,
            channels=rounding(stage.channels * width),
            # A fraction, because in floating point 1.1 * 10 is above 11 and would round up to 12.
            layers=math.ceil(Fraction(str(depth)) * stage.layers),
        )
        for stage in base.stages
    )
    return replace(
        base,
        stages=stages,
        stem_channels=rounding(base.stem_channels * width),
        head_channels=rounding(base.head_channels * max(1.0, width)),
    )


def fuse(architecture: Architecture, first: int, last: int) -> Architecture:
    """Replace the operator of stages ``first`` to ``last``, counted from 1, by Fused-MBConv.

    These stages also lose squeeze-and-excitation, as in the published EfficientNetV2-S, M and L.
    Everything else stays the same, including the expansion.

    Raises:
        ValueError: the network does not have these stages.
    """
    count = len(architecture.stages)
    if not 1 <= first <= last <= count:
        raise ValueError(f"got stages {first} to {last}, must be within 1 to {count}")
    stages = tuple(
        replace(stage, operator="fused_mbconv", se_ratio=0.0) if first <= i <= last else stage
        for i, stage in enumerate(architecture.stages, 1)
    )
    return replace(architecture, stages=stages)
