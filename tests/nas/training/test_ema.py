"""EMA: its momentum, and which tensors it averages."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from nas.training.ema import (
    EMA,
    EMA_MOMENTUM,
    NORM_MOMENTUM,
    averaging_momentum,
)


@pytest.mark.parametrize(
    ("published", "steps", "momentum"),
    [
        (EMA_MOMENTUM, 200, 0.05),
        (EMA_MOMENTUM, 1000, 0.01),
        (EMA_MOMENTUM, 100_000, 1e-4),
        (EMA_MOMENTUM, 1_000_000, 1e-4),
        (NORM_MOMENTUM, 200, 0.05),
        (NORM_MOMENTUM, 1000, 0.01),
        (NORM_MOMENTUM, 5000, 0.01),
        (NORM_MOMENTUM, 100, 0.1),
        (NORM_MOMENTUM, 1, 0.1),
        (0.5, 1000, 0.1),
    ],
)
def test_momentum(published: float, steps: int, momentum: float) -> None:
    assert averaging_momentum(published, steps) == pytest.approx(momentum)


@given(published=st.floats(1e-6, 0.1), steps=st.integers(100, 10**7))
def test_what_the_average_started_from_has_faded_at_the_end(published: float, steps: int) -> None:
    momentum = averaging_momentum(published, steps)
    assert published <= momentum <= 0.1
    assert (1 - momentum) ** steps <= 5e-5  # e^-10


def test_weights_and_buffers_are_averaged_and_counts_left_alone() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    average = EMA(network, momentum=0.25)
    expected = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.SGD(network.parameters(), lr=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        (network(torch.randn(4, 1, 5, 5)) ** 2).sum().backward()
        optimizer.step()
        average.update()
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                expected[name] = 0.75 * expected[name] + 0.25 * value
    for name, value in average.network.state_dict().items():
        assert torch.allclose(value, expected[name], atol=1e-6), name
    assert not torch.equal(average.network.state_dict()["1.running_mean"], torch.zeros(2))
    assert average.network.state_dict()["1.num_batches_tracked"] == 0


def test_the_average_is_a_network_of_its_own() -> None:
    network = nn.Sequential(nn.Dropout(), nn.Linear(2, 2)).train()
    before = copy.deepcopy(network.state_dict())
    average = EMA(network, momentum=0.1)
    assert not average.network.training
    assert not any(p.requires_grad for p in average.network.parameters())
    with torch.no_grad():
        for weights in average.network.parameters():
            weights.zero_()
    assert network.training
    assert all(p.requires_grad for p in network.parameters())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
