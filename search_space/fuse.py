"""Fused-MBConv put into some stages of a network (EfficientNetV2, section 3.2, Table 3)."""

from __future__ import annotations

from dataclasses import replace

from search_space.architecture import Architecture


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
