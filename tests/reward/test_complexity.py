"""Parameters and multiply-adds, compared with counts by hand and by fvcore."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from fvcore.nn import FlopCountAnalysis
from fvcore.nn.jit_handles import elementwise_flop_counter
from torch import Tensor, nn

from reward.complexity import Complexity, complexity
from search_space.network import Network
from search_space.published import published


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
    multiply_adds = outputs * 8 * 9 * 3 + 8 * 10  # none of batch normalisation
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


@pytest.mark.parametrize("name", ["efficientnet-b0", "efficientnetv2-b0"])
def test_it_counts_as_fvcore_does(name: str) -> None:
    network = Network(published(name).architecture).eval()
    by_fvcore = FlopCountAnalysis(network, torch.zeros(1, 3, 64, 64))
    by_fvcore.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    by_fvcore.set_op_handle("aten::batch_norm", elementwise_flop_counter(0, 0))
    assert complexity(network, 3, 64).multiply_adds == int(by_fvcore.total())


class ReadsValues(nn.Module):
    """Normalisation of both kinds and a linear layer, behind a look at the values."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.layer_norm(self.norm(x), x.shape[1:])
        return x if x.sum() > 9e9 else x.flatten(1) @ x.new_zeros(3 * 8 * 8, 2)


def test_normalisation_does_not_count_in_either_way() -> None:
    assert complexity(ReadsValues(), 3, 8) == Complexity(0, 3 * 8 * 8 * 2)
    assert complexity(nn.LayerNorm([3, 8, 8]), 3, 8).multiply_adds == 0
    assert complexity(nn.BatchNorm2d(3), 3, 8).multiply_adds == 0


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
