"""The count of parameters, block by block."""

from __future__ import annotations

import random

import pytest

from nas.search.samplers.domain import ParameterCount
from reward.complexity import count_parameters
from search_space.published import published
from search_space.spaces import SPACES
from search_space.task import Task


@pytest.mark.parametrize("name", SPACES)
def test_the_same_as_of_the_built_network(name: str) -> None:
    space, task, chance = SPACES[name](32), Task(7, 1), random.Random(0)
    count = ParameterCount(task)
    for architecture in [space.backbone, *(space.sample(chance) for _ in range(4))]:
        assert count(architecture) == count_parameters(architecture, task)


def test_published_counts() -> None:
    """EfficientNetV2-S and EfficientNet-B0 with 1000 classes, the counts of torchvision."""
    count = ParameterCount(Task(1000))
    assert count(published("efficientnetv2-s").architecture) == 21_458_488
    assert count(published("efficientnet-b0").architecture) == 5_288_548


def test_stages_are_parts_of_the_whole() -> None:
    architecture, count = published("efficientnetv2-s").architecture, ParameterCount(Task(1000))
    by_stage = count.by_stage(architecture)
    assert len(by_stage) == len(architecture.stages)
    stem, head, classifier = 3 * 24 * 9 + 48, 256 * 1280 + 2560, 1281 * 1000
    assert sum(by_stage) + stem + head + classifier == 21_458_488
