"""The training step: loss, weight decay, optimizer."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log

import pytest
import torch
from torch import Tensor, nn

from nas.training.recipes import Recipe, proxy
from nas.training.step import training_step
from search_space.network import Network
from search_space.spaces import small


class Fixed(nn.Module):
    """Returns its weights as logits for every image."""

    def __init__(self, logits: list[float]) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))

    def forward(self, x: Tensor) -> Tensor:
        return self.logits.expand(len(x), -1)


def _recipe(**changes: float) -> Recipe:
    return replace(proxy(), **changes)  # type: ignore[arg-type]


def test_decay_is_on_kernels_only() -> None:
    network = Network(small(8).backbone, classes=10)
    step = training_step(network, _recipe(weight_decay=0.3))
    decayed, others = step.optimizer.param_groups
    assert (decayed["weight_decay"], others["weight_decay"]) == (0.3, 0.0)
    kernels = [m.weight for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert {id(p) for p in decayed["params"]} == {id(p) for p in kernels}
    together = {id(p) for group in (decayed, others) for p in group["params"]}
    assert together == {id(p) for p in network.parameters()}


def test_decay_shrinks_a_kernel_that_has_no_gradient_and_leaves_its_bias() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    linear = network[1]
    assert isinstance(linear, nn.Linear)
    before = (linear.weight.detach().clone(), linear.bias.detach().clone())
    step = training_step(network, _recipe(weight_decay=0.5, learning_rate=0.1, label_smoothing=1.0))
    with torch.no_grad():
        linear.weight[1], linear.bias[1] = linear.weight[0].clone(), linear.bias[0].clone()
    equal = (linear.weight.detach().clone(), linear.bias.detach().clone())
    step(
        torch.ones(2, 1, 2, 2), torch.tensor([0, 1])
    )  # equal logits at full smoothing: no gradient
    assert not torch.equal(before[0], equal[0])
    assert torch.allclose(linear.weight, equal[0] * (1 - 0.1 * 0.5), atol=1e-6)
    assert torch.allclose(linear.bias, equal[1], atol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.3])
def test_loss_is_cross_entropy_with_smoothed_labels(smoothing: float) -> None:
    step = training_step(Fixed([2.0, 1.0, 0.0]), _recipe(label_smoothing=smoothing))
    total = log(exp(2) + exp(1) + exp(0))
    surprise = [total - 2, total - 1, total]
    # Label smoothing spreads its share over all classes, the right one included.
    expected = (1 - smoothing) * surprise[1] + smoothing * sum(surprise) / 3
    loss = step(torch.zeros(4, 1, 2, 2), torch.full((4,), 1))
    assert float(loss) == pytest.approx(expected, rel=1e-6)
    assert not loss.requires_grad


def test_a_step_is_adams_first() -> None:
    """Adam's first step changes a weight by the learning rate, against the gradient's sign."""
    network = Fixed([2.0, 1.0, 0.0])
    step = training_step(network, _recipe(learning_rate=0.01, label_smoothing=0.0))
    step(torch.zeros(4, 1, 2, 2), torch.full((4,), 1))
    assert network.logits.tolist() == pytest.approx([1.99, 1.01, -0.01], abs=1e-5)


def test_gradients_do_not_add_up_over_steps() -> None:
    network = Fixed([2.0, 1.0, 0.0])
    step = training_step(network, _recipe(learning_rate=0.0))
    gradients = []
    for _ in range(2):
        step(torch.zeros(4, 1, 2, 2), torch.full((4,), 1))
        assert network.logits.grad is not None
        gradients.append(network.logits.grad.clone())
    assert torch.equal(*gradients)


def test_the_network_is_put_into_training_mode() -> None:
    assert training_step(Network(small(8).backbone).eval(), proxy()).network.training
