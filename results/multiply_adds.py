"""The rule by which multiply-adds are counted, and counts that earlier releases made by another.

Earlier releases also counted batch normalisation, as two multiply-adds a value. They wrote no rule
beside their counts. How many values a network normalises follows from its architecture, so their
counts are converted when they are read: a table, a page or a resumed run has one rule throughout.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from search_space.architecture import Architecture, Block

RULE = "convolutions and matrix products"
"""The rule of :func:`reward.complexity.complexity`, as records and files name it."""

_PER_VALUE = 2  # multiply-adds of a normalised value, by the earlier rule


def by_todays_rule(
    multiply_adds: int | None, rule: object, architecture: Architecture, image_size: int | None
) -> int | None:
    """Return multiply-adds by today's rule, given the ``rule`` that was written beside them.

    Without one they are of an earlier release. They can be converted if the image size, in pixels,
    is known and all operators are ours; otherwise, and for any other rule, they are unknown: None.
    """
    if multiply_adds is None or rule == RULE:
        return multiply_adds
    if rule is not None or image_size is None:
        return None
    values = normalised_values(architecture, image_size)
    if values is None or _PER_VALUE * values > multiply_adds:  # the count is of no such network
        return None
    return multiply_adds - _PER_VALUE * values


def normalised_values(architecture: Architecture, image_size: int) -> int | None:
    """Return how many values batch normalisation has in the forward pass of one square image.

    None if an operator is the user's own, whose layers are not known here.
    """
    side = math.ceil(image_size / architecture.stem_stride)
    values = architecture.stem_channels * side**2
    for block in architecture.blocks():
        normalised = _NORMALISED.get(block.operator)
        if normalised is None:
            return None
        before, side = side**2, math.ceil(side / block.stride)
        values += normalised(block, before, side**2)
    return values + architecture.head_channels * side**2


def _of_mbconv(block: Block, before: int, after: int) -> int:
    """Return the normalised values of a block, with so many pixels before and after its stride."""
    expanded = block.hidden_channels * before if block.hidden_channels > block.in_channels else 0
    return expanded + (block.hidden_channels + block.out_channels) * after


def _of_fused_mbconv(block: Block, before: int, after: int) -> int:
    expanded = block.hidden_channels if block.hidden_channels > block.in_channels else 0
    return (expanded + block.out_channels) * after


def _of_bottleneck(block: Block, before: int, after: int) -> int:
    inner = max(1, block.out_channels * block.in_channels // block.hidden_channels)
    outputs = block.out_channels * (1 if block.is_residual else 2)  # with the shortcut's
    return inner * before + (inner + outputs) * after


_NORMALISED: Mapping[str, Callable[[Block, int, int], int]] = {
    "mbconv": _of_mbconv,
    "mbconv_k7": _of_mbconv,
    "fused_mbconv": _of_fused_mbconv,
    "convnext": lambda block, before, after: 0,  # layer normalisation, which no rule counts
    "bottleneck": _of_bottleneck,
}
