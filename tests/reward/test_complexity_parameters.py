"""Counts of networks that are not built in memory."""

from __future__ import annotations

import pytest

from reward.complexity import count_parameters
from search_space.architecture import Architecture, Stage
from search_space.published import published
from search_space.task import IMAGENET, Task


def test_the_published_count() -> None:
    assert count_parameters(published("efficientnetv2-s").architecture, IMAGENET) == 21_458_488


def test_classes_and_channels_count() -> None:
    """9 weights a stem channel for an image channel, a column and a bias for a class."""
    architecture = published("efficientnetv2-s").architecture
    grey = count_parameters(architecture, Task(classes=10, in_channels=1))
    assert 21_458_488 - grey == 2 * 9 * 24 + 990 * (1280 + 1)


def test_an_unknown_operator_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^operator: got 'mine', must be one of"):
        count_parameters(Architecture((Stage("mine", 3, 1, 1, 8, 1),), 8), IMAGENET)
