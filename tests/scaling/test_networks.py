"""The parameter count that the scaling tests use."""

from __future__ import annotations

import pytest
import torch

from search_space.architecture import Architecture
from search_space.network import Network
from search_space.published import published
from tests.scaling.networks import parameters, sampled


def _built(architecture: Architecture) -> int:
    with torch.device("meta"):
        return sum(weights.numel() for weights in Network(architecture).parameters())


@pytest.mark.parametrize("architecture", [*sampled(5)], ids=lambda one: one.architecture_id)
def test_the_hand_formula_is_the_built_networks(architecture: Architecture) -> None:
    assert parameters(architecture) == _built(architecture)


def test_published_counts() -> None:
    assert parameters(published("efficientnetv2-s").architecture) == 21_458_488
    assert parameters(published("efficientnet-b4").architecture) == 19_341_616
