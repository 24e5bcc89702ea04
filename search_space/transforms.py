"""Width and depth multipliers: the arithmetic that every scaling rule shares."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from search_space.architecture import Architecture

Rounding = Callable[[float], int]


def to_nearest_8(channels: float) -> int:
    """The nearest multiple of 8, at least 8 (EfficientNetV2's public code)."""
    return max(8, int(channels + 4) // 8 * 8)


def to_nearest_8_guarded(channels: float) -> int:
    """As :func:`to_nearest_8`, but never more than 10 % below (EfficientNet's public code)."""
    rounded = to_nearest_8(channels)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def multiply(
    base: Architecture, width: float, depth: float, rounding: Rounding = to_nearest_8
) -> Architecture:
    """Every channel count times ``width``, rounded; every layer count times ``depth``, rounded up.

    Width 1 leaves channels as they are, multiples of 8 or not. The stem and the head widen with the
    rest, and the head never narrows (EfficientNet, section 3.3 and its public code). Strides,
    kernels, operators and expansions stay.
    """
    if width == 1:
        rounding = round
    stages = tuple(
        replace(
            stage,
            channels=rounding(stage.channels * width),
            # As a fraction: 1.1 * 10 is a little over 11 in floating point, and would round up.
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
    """The network with Fused-MBConv in stages ``first`` to ``last``, counted from 1.

    Everything else stays, also the expansion. Squeeze-and-excitation goes, as in the published
    Fused-MBConv stages of EfficientNetV2-S, M and L.

    Raises:
        ValueError: the network has no such stages.
    """
    count = len(architecture.stages)
    if not 1 <= first <= last <= count:
        raise ValueError(f"got stages {first} to {last}, must be within 1 to {count}")
    stages = tuple(
        replace(stage, operator="fused_mbconv", se_ratio=0.0) if first <= i <= last else stage
        for i, stage in enumerate(architecture.stages, 1)
    )
    return replace(architecture, stages=stages)
