"""RMSProp against TensorFlow's formulas, written out by hand."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from nas.training.optimizers import RMSPropTF


def test_three_steps_by_hand() -> None:
    """``tf.compat.v1.train.RMSPropOptimizer(0.1, decay=0.9, momentum=0.9, epsilon=1e-3)``."""
    weight = nn.Parameter(torch.tensor([2.0, -1.0], dtype=torch.float64))
    optimizer = RMSPropTF([weight], lr=0.1)
    expected, square, velocity = [2.0, -1.0], [1.0, 1.0], [0.0, 0.0]
    for gradient in ([0.5, -3.0], [-0.25, 0.0], [4.0, 1e-6]):
        weight.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        for i, g in enumerate(gradient):
            square[i] = 0.9 * square[i] + 0.1 * g * g
            velocity[i] = 0.9 * velocity[i] + 0.1 * g / math.sqrt(square[i] + 1e-3)
            expected[i] -= velocity[i]
        assert weight.tolist() == pytest.approx(expected, rel=1e-12)


def test_the_first_step_differs_from_torchs() -> None:
    """Accumulators that start at zero would divide by 0.1 of the gradient, not by nearly 1."""
    weights = [nn.Parameter(torch.tensor([1.0])) for _ in range(2)]
    for weight in weights:
        weight.grad = torch.tensor([0.01])
    RMSPropTF([weights[0]], lr=0.1).step()
    torch.optim.RMSprop([weights[1]], lr=0.1, alpha=0.9, eps=1e-3, momentum=0.9).step()
    assert float(1 - weights[0].detach()) == pytest.approx(
        0.1 * 0.01 / math.sqrt(0.90101), rel=1e-3
    )
    assert float(1 - weights[1].detach()) > 0.1


def test_a_new_learning_rate_leaves_the_momentum_as_it_is() -> None:
    weight = nn.Parameter(torch.tensor([0.0], dtype=torch.float64))
    optimizer = RMSPropTF([weight], lr=1.0, decay=1.0, momentum=0.5, eps=0.0)
    weight.grad = torch.tensor([1.0], dtype=torch.float64)
    optimizer.step()  # v = 1
    optimizer.param_groups[0]["lr"] = 0.1
    optimizer.step()  # v = 0.5 + 0.1
    assert float(weight.detach()) == pytest.approx(-1.6)


def test_weight_decay_is_part_of_the_gradient() -> None:
    decayed = nn.Parameter(torch.tensor([2.0], dtype=torch.float64))
    plain = nn.Parameter(torch.tensor([2.0], dtype=torch.float64))
    decayed.grad = torch.tensor([0.5], dtype=torch.float64)
    plain.grad = torch.tensor([0.5 + 0.25 * 2.0], dtype=torch.float64)
    RMSPropTF([decayed], lr=0.1, weight_decay=0.25).step()
    RMSPropTF([plain], lr=0.1).step()
    assert float(decayed.detach()) == float(plain.detach())
    assert float(decayed.grad) == 0.5


def test_a_weight_without_a_gradient_stays() -> None:
    used, unused = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    used.grad = torch.ones(2)
    optimizer = RMSPropTF([used, unused], lr=0.1, weight_decay=0.1)
    optimizer.step()
    assert torch.equal(unused, torch.ones(2))
    assert not torch.equal(used, torch.ones(2))


def test_its_state_goes_through_a_state_dict() -> None:
    def run(optimizer: RMSPropTF, weight: nn.Parameter) -> None:
        for i in range(2):
            weight.grad = torch.full((3,), 0.3 * (i + 1))
            optimizer.step()

    weight = nn.Parameter(torch.arange(3.0))
    optimizer = RMSPropTF([weight], lr=0.1)
    run(optimizer, weight)
    state = copy.deepcopy(optimizer.state_dict())
    taken_up = nn.Parameter(weight.detach().clone())
    other = RMSPropTF([taken_up], lr=0.1)
    other.load_state_dict(state)
    run(optimizer, weight)
    run(other, taken_up)
    assert torch.equal(weight, taken_up)
