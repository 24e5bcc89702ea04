"""Hypothesis strategies for any valid stage, architecture and space."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from search_space.architecture import ACTIVATIONS, Architecture, Stage
from search_space.choices import StageChoices
from search_space.space import Space

OPERATORS = ("mbconv", "fused_mbconv", "mine")
KERNELS = (1, 3, 5, 7)

generators: st.SearchStrategy[random.Random] = st.builds(random.Random, st.integers(0, 2**32))

stages = st.builds(
    Stage,
    operator=st.sampled_from(OPERATORS),
    kernel=st.sampled_from(KERNELS),
    stride=st.integers(1, 3),
    expansion=st.integers(1, 8),
    channels=st.integers(1, 64),
    layers=st.integers(1, 5),
    se_ratio=st.floats(0, 1),
    activation=st.sampled_from(ACTIVATIONS),
)

architectures = st.builds(
    Architecture,
    stages=st.lists(stages, min_size=1, max_size=5).map(tuple),
    stem_channels=st.integers(1, 64),
    stem_stride=st.integers(1, 3),
    head_channels=st.integers(1, 2000),
)


buildable_architectures = architectures.map(
    lambda architecture: replace(
        architecture, stages=tuple(replace(s, operator=_known(s)) for s in architecture.stages)
    )
)


def _known(stage: Stage) -> str:
    return "mbconv" if stage.operator == "mine" else stage.operator


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """Draw a space of one to four stages, in any order of the options.

    Its backbone may be outside of it, and each stage may choose more than the paper's do.
    """
    se_ratio = draw(st.dictionaries(st.just("mbconv"), st.floats(0, 1)))
    channels = draw(st.lists(st.integers(1, 64), min_size=1, max_size=4, unique=True))
    choices, own_stages = [], []
    for i, width in enumerate(channels):
        stride = draw(st.integers(1, 2))
        choices.append(draw(_choices(width, may_leave_out=stride == 1 and i > 0)))
        own_stages.append(replace(draw(stages), stride=stride, channels=width))
    backbone = Architecture(tuple(own_stages), draw(st.integers(1, 32)), draw(st.integers(1, 2)))
    name = draw(st.text(min_size=1, max_size=20))
    return Space(name, backbone, tuple(choices), se_ratio)


@st.composite
def _choices(draw: st.DrawFn, width: int, may_leave_out: bool) -> StageChoices:
    """Draw a stage's choices; no two stages of different ``width`` can have the same channels."""

    def some(values: Sequence[Any], least: int = 1) -> Any:
        return tuple(
            draw(st.lists(st.sampled_from(values), min_size=least, max_size=3, unique=True))
        )

    layers = some((1, 2, 3, 4))
    if may_leave_out and draw(st.booleans()):
        layers = (*layers, 0)
    return StageChoices(
        some(OPERATORS),
        layers,
        some(KERNELS),
        some((1, 2, 4, 6)),
        se_ratio=some((0.0, 0.1, 0.25), least=0),
        channels=some((width, width + 100, width + 200), least=0),
        activation=some(ACTIVATIONS, least=0),
    )
