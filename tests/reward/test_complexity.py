"""Parameters and multiply-adds, compared with counts by hand and by fvcore."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from fvcore.nn import FlopCountAnalysis
from torch import Tensor, nn

from reward.complexity import Complexity, architecture_complexity, complexity
from search_space.network import Network
from search_space.published import published
from search_space.task import IMAGENET


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


class Lambda(nn.Module):
    """A function of images (N, 3, 8, 8) as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 5, bias=False)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.linear(x))  # (N, 3, 8, 8) -> (N, 3, 8, 5)


@pytest.mark.parametrize(
    ("function", "multiply_adds"),
    [
        (lambda x: x.sum(), 0),
        (lambda x: x @ x.transpose(2, 3), 3 * 8 * 5 * 8),
        (lambda x: torch.matmul(x, x[0, 0].T), 3 * 8 * 5 * 8),
        (lambda x: torch.bmm(x[0], x[0].mT), 3 * 8 * 5 * 8),
        (lambda x: torch.einsum("nchw,nchv->ncwv", x, x), 3 * 5 * 8 * 5),
        (lambda x: nn.functional.linear(x, x[0, 0]), 3 * 8 * 5 * 8),
        # These two read values and cannot run on shapes alone.
        (lambda x: x @ x.transpose(2, 3) if x.sum() > -9e9 else x, 3 * 8 * 5 * 8),
        (lambda x: x @ torch.ones(5, int(x.new_tensor(7))), 3 * 8 * 5 * 7),
    ],
)
def test_matrix_products_of_a_users_own_module(
    function: Callable[[Tensor], Tensor], multiply_adds: int
) -> None:
    on_meta = Lambda(function).to("meta")
    for network in (Lambda(function), on_meta):
        assert complexity(network, 3, 8).multiply_adds == 3 * 8 * 8 * 5 + multiply_adds


@pytest.mark.parametrize(
    ("name", "multiply_adds"),
    [
        # By fvcore 0.1.5, which counts batch normalisation as two multiply-adds a value.
        ("efficientnet-b0", 399_290_144),
        ("efficientnet-b7", 38_325_614_720),
        ("efficientnetv2-b3", 3_042_879_200),
        ("efficientnetv2-s", 8_437_078_016),
        ("efficientnetv2-xl", 93_847_724_032),
    ],
)
def test_published_networks_at_their_evaluation_size(name: str, multiply_adds: int) -> None:
    network = published(name)
    count = architecture_complexity(network.architecture, IMAGENET, network.eval_size)
    assert count.multiply_adds == multiply_adds


@pytest.mark.parametrize("name", ["efficientnet-b0", "efficientnetv2-b0"])
def test_it_counts_as_fvcore_does(name: str) -> None:
    network = Network(published(name).architecture).eval()
    by_fvcore = FlopCountAnalysis(network, torch.zeros(1, 3, 64, 64))
    by_fvcore.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    assert complexity(network, 3, 64).multiply_adds == int(by_fvcore.total())


class ReadsValues(nn.Module):
    """Layer normalisation and a linear layer, behind a look at the values."""

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.layer_norm(x, x.shape[1:])
        return x if x.sum() > 9e9 else x.flatten(1) @ x.new_zeros(3 * 8 * 8, 2)


def test_normalisation_of_layers_does_not_count_in_either_way() -> None:
    assert complexity(ReadsValues(), 3, 8) == Complexity(0, 3 * 8 * 8 * 2)
    assert complexity(nn.LayerNorm([3, 8, 8]), 3, 8).multiply_adds == 0


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
