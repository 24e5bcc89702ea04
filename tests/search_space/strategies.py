"""Hypothesis strategies for any valid stage, architecture and space."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import strategies as st

from search_space.architecture import Architecture, Stage
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
    """Draw a space of one to four stages, in any order of the options."""
    se_ratio = draw(st.dictionaries(st.just("mbconv"), st.floats(0, 1)))
    channels = draw(st.lists(st.integers(1, 64), min_size=1, max_size=4, unique=True))
    choices, own_stages = [], []
    for i, width in enumerate(channels):
        stride = draw(st.integers(1, 2))
        own = draw(_choices(may_leave_out=stride == 1 and i > 0))
        operator = draw(st.sampled_from(own.operator))
        own_stages.append(
            Stage(
                operator=operator,
                kernel=draw(st.sampled_from(own.kernel)),
                stride=stride,
                expansion=draw(st.sampled_from(own.expansion)),
                channels=width,
                layers=draw(st.sampled_from([n for n in own.layers if n > 0])),
                se_ratio=se_ratio.get(operator, 0.0),
            )
        )
        choices.append(own)
    backbone = Architecture(tuple(own_stages), draw(st.integers(1, 32)), draw(st.integers(1, 2)))
    name = draw(st.text(min_size=1, max_size=20))
    return Space(name, backbone, tuple(choices), se_ratio)


@st.composite
def _choices(draw: st.DrawFn, may_leave_out: bool) -> StageChoices:
    def some(values: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(draw(st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)))

    layers = some((1, 2, 3, 4))
    if may_leave_out and draw(st.booleans()):
        layers = (*layers, 0)
    operators = draw(st.lists(st.sampled_from(OPERATORS), min_size=1, max_size=3, unique=True))
    return StageChoices(tuple(operators), layers, some(KERNELS), some((1, 2, 4, 6)))
