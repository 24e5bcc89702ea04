"""Stages in a few characters, for tables and hover texts."""

from __future__ import annotations

from search_space.architecture import Architecture, Stage

_LETTERS = {"mbconv": "M", "fused_mbconv": "F"}


def stages_text(architecture: Architecture) -> str:
    """The stages in order, such as ``F3e1c24x2 F3e4c48x4/2 M3e4c128x6/2``.

    Operator (F: fused MBConv, M: MBConv, any other by its name) and kernel, expansion (e), channels
    (c), layers (x) and the first layer's stride (/) where it is not 1. For reading, so it leaves
    squeeze-and-excitation, stem and head out; the architecture's JSON has everything.
    """
    return " ".join(_stage_text(stage) for stage in architecture.stages)


def _stage_text(stage: Stage) -> str:
    operator = _LETTERS.get(stage.operator, stage.operator)
    stride = f"/{stage.stride}" if stage.stride > 1 else ""
    return f"{operator}{stage.kernel}e{stage.expansion}c{stage.channels}x{stage.layers}{stride}"
