"""EMA: its momentum, and which tensors it averages."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from nas.training.ema import (
    EMA,
    EMA_MOMENTUM,
    NORM_MOMENTUM,
    BatchStatistics,
    warm_momentum,
)


@pytest.mark.parametrize(
    ("momentum", "updates", "expected"),
    [
        # TensorFlow's decay min(decay, (1 + n) / (10 + n)) is 1/10, 2/11, 11/20, 101/110 for n = 0,
        # 1, 10, 100.
        (EMA_MOMENTUM, 0, 9 / 10),
        (EMA_MOMENTUM, 1, 9 / 11),
        (EMA_MOMENTUM, 10, 9 / 20),
        (EMA_MOMENTUM, 100, 9 / 110),
        (EMA_MOMENTUM, 89_990, 1e-4),
        (EMA_MOMENTUM, 10**6, 1e-4),
        (NORM_MOMENTUM, 100, 9 / 110),
        (NORM_MOMENTUM, 890, 0.01),
        (NORM_MOMENTUM, 10**6, 0.01),
    ],
)
def test_momentum_is_tensorflows(momentum: float, updates: int, expected: float) -> None:
    assert warm_momentum(momentum, updates) == pytest.approx(expected)


@given(momentum=st.floats(1e-6, 0.1), steps=st.integers(17, 3000))
def test_the_initial_value_has_faded_after_an_epoch(momentum: float, steps: int) -> None:
    """16 steps are the fewest of an epoch; then less than e^-10 of it is left."""
    assert math.prod(1 - warm_momentum(momentum, n) for n in range(steps)) < math.exp(-10)


def test_an_average_of_a_line_lags_by_a_tenth() -> None:
    """Of the values 1, 2, 3 and so on it is the mean of about the last ninth."""
    network = nn.Linear(1, 1, bias=False)
    ema = EMA(network)
    for n in range(1000):
        with torch.no_grad():
            network.weight.fill_(n)
        ema.update(n)
    weight: Tensor = next(ema.network.parameters())
    assert weight.item() == pytest.approx(0.9 * 1000, rel=0.01)


def test_batch_statistics_warm_up_to_each_layers_own_momentum() -> None:
    norms = (
        nn.BatchNorm2d(2, momentum=0.2),
        nn.BatchNorm1d(2, momentum=0.01),
        nn.BatchNorm2d(2, momentum=None),
    )
    network = nn.Sequential(*norms)
    statistics = BatchStatistics(network)
    assert set(statistics.averages) == {
        f"{i}.running_{key}" for i in (0, 1) for key in ("mean", "var")
    }
    for updates, weights in ((0, [0.9, 0.9]), (50, [0.2, 0.15]), (5000, [0.2, 0.01])):
        for norm in norms:
            norm.reset_running_stats()
        statistics.begin(updates)
        assert [norm.momentum for norm in norms] == [1.0, 1.0, None]
        for norm in norms[:2]:
            assert norm.running_mean is not None
            norm.running_mean.fill_(5.0)  # the newest batch's
        statistics.update()
        statistics.end()
        assert [norm.momentum for norm in norms] == [0.2, 0.01, None]
        for i, weight in enumerate(weights):
            average = norms[i].running_mean
            assert average is not None
            assert average.tolist() == pytest.approx([5.0 * weight] * 2)


@pytest.mark.parametrize("parts", [1, 2, 5])
def test_the_parts_of_a_batch_weigh_as_much_as_the_batch(parts: int) -> None:
    network = nn.BatchNorm1d(2, momentum=0.1)
    statistics = BatchStatistics(network)
    statistics.begin(10**6, parts)
    assert network.running_mean is not None
    network.running_mean.fill_(1.0)
    for _ in range(parts):
        statistics.update()
    statistics.end()
    assert network.running_mean.tolist() == pytest.approx([0.1] * 2)


def test_statistics_are_those_of_torchs_own_momentum() -> None:
    torch.manual_seed(0)
    ours, torchs = (nn.BatchNorm2d(3, momentum=0.3).train() for _ in range(2))
    statistics = BatchStatistics(ours)
    statistics.begin(10**6)
    for _ in range(4):
        images = torch.randn(5, 3, 4, 4)
        ours(images)
        statistics.update()
        torchs(images)
    statistics.end()
    assert ours.running_mean is not None
    for name in ("running_mean", "running_var"):
        assert torch.allclose(getattr(ours, name), getattr(torchs, name), atol=1e-6)


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
        average.update(10**6)
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
