"""Parameters and multiply-adds against a count by hand."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from reward.complexity import Complexity, complexity


class TwoLayers(nn.Module):
    """A convolution of stride 2 with batch normalisation, and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.classifier = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.silu(self.norm(self.convolution(x)))  # (N, 8, H / 2, W / 2)
        logits: Tensor = self.classifier(x.mean((2, 3)))
        return logits


@pytest.mark.parametrize("image_size", [16, 32])
def test_two_layers(image_size: int) -> None:
    outputs = (image_size // 2) ** 2
    multiply_adds = outputs * 8 * 9 * 3 + outputs * 8 * 2 + 8 * 10
    parameters = 8 * 9 * 3 + 8 + 8 + 8 * 10 + 10
    assert complexity(TwoLayers(), 3, image_size) == Complexity(parameters, multiply_adds)


def test_grouped_convolution() -> None:
    network = nn.Conv2d(8, 8, 5, padding=2, groups=8, bias=False)
    assert complexity(network, 8, 10) == Complexity(8 * 25, 100 * 8 * 25)


def test_only_trainable_parameters_count() -> None:
    network = TwoLayers()
    network.convolution.requires_grad_(False)
    assert complexity(network, 3, 16).parameters == 8 + 8 + 8 * 10 + 10


def test_elementwise_work_does_not_count() -> None:
    network = nn.Sequential(nn.SiLU(), nn.AvgPool2d(2), nn.Sigmoid(), nn.Dropout())
    assert complexity(network, 3, 16) == Complexity(0, 0)


@pytest.mark.parametrize("training", [True, False])
def test_the_network_is_left_as_it_was(training: bool) -> None:
    network = TwoLayers().train(training)
    before = copy.deepcopy(network.state_dict())
    complexity(network, 3, 16)
    assert all(module.training is training for module in network.modules())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in network.parameters())


def test_nothing_is_printed(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    complexity(TwoLayers(), 3, 16)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
