"""Counts of parameters from an architecture alone."""

from __future__ import annotations

import pytest

from reward.complexity import count_parameters
from search_space.architecture import Architecture, Stage
from search_space.published import published
from search_space.task import IMAGENET, Task


def test_the_published_count() -> None:
    assert count_parameters(published("efficientnetv2-s").architecture, IMAGENET) == 21_458_488


def test_the_task_changes_the_count() -> None:
    """An image channel has 9 weights per stem channel; a class has a row of weights and a bias."""
    architecture = published("efficientnetv2-s").architecture
    grey = count_parameters(architecture, Task(classes=10, in_channels=1))
    assert 21_458_488 - grey == 2 * 9 * 24 + 990 * (1280 + 1)


def test_an_unknown_operator_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^operator: got 'mine', must be one of"):
        count_parameters(Architecture((Stage("mine", 3, 1, 1, 8, 1),), 8), IMAGENET)
