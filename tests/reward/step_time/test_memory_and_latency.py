"""The peak of a step whose tensors are known."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from reward.step_time.memory_and_latency import peak_memory_bytes

CPU = torch.device("cpu")
MIB = 2**20
SLACK = 64 * 1024


def _tensor(mib: int) -> torch.Tensor:
    return torch.empty(mib * MIB, dtype=torch.uint8)


def _network() -> tuple[nn.Module, torch.optim.Optimizer]:
    """Next to nothing."""
    network = nn.Linear(1, 1, bias=False)
    return network, torch.optim.SGD(network.parameters())


def _peak(step: Callable[[], object]) -> int:
    return peak_memory_bytes(step, *_network(), CPU)


def test_tensors_held_together_add_up() -> None:
    def step() -> None:
        tensors = [_tensor(3), _tensor(5)]
        del tensors

    assert 8 * MIB <= _peak(step) < 8 * MIB + SLACK


def test_tensors_one_after_the_other_do_not() -> None:
    def step() -> None:
        for mib in (3, 5, 4):
            tensor = _tensor(mib)
            del tensor

    assert 5 * MIB <= _peak(step) < 5 * MIB + SLACK


def test_the_peak_may_be_in_the_middle() -> None:
    def step() -> None:
        first = _tensor(2)
        second = _tensor(6)
        del first
        third = _tensor(1)
        del second, third

    assert 8 * MIB <= _peak(step) < 8 * MIB + SLACK


def test_what_else_is_in_memory_does_not_count() -> None:
    other = _tensor(50)
    assert _peak(lambda: _tensor(1)) < MIB + SLACK
    assert other.nbytes == 50 * MIB


def test_weights_buffers_and_optimizer_state_count() -> None:
    """A million weights: themselves and Adam's two moments, 4 bytes each."""
    network = nn.Linear(1024, 1024, bias=False)
    network.register_buffer("own", torch.zeros(1024, 256))
    optimizer = torch.optim.AdamW(network.parameters(), fused=True)
    network(torch.ones(1, 1024)).sum().backward()
    optimizer.step()
    peak = peak_memory_bytes(lambda: None, network, optimizer, CPU)
    assert 13 * MIB <= peak < 13 * MIB + SLACK


def test_a_training_step() -> None:
    """Gradients are dropped and made again, so they are not counted twice."""
    network = nn.Linear(1024, 1024, bias=False)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.0)
    images = torch.ones(512, 1024)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        network(images).sum().backward()
        optimizer.step()

    step()
    # Weights and gradients, 4 MiB each; outputs 2 MiB; their gradient expanded from a scalar.
    assert 10 * MIB <= peak_memory_bytes(step, network, optimizer, CPU) <= 12 * MIB + SLACK


@pytest.mark.gpu
def test_on_a_gpu_what_else_is_there_does_not_count() -> None:
    device = torch.device("cuda")
    other = torch.empty(50 * MIB, dtype=torch.uint8, device=device)
    network = nn.Linear(1, 1, bias=False).to(device)
    optimizer = torch.optim.SGD(network.parameters())

    def step() -> None:
        torch.empty(8 * MIB, dtype=torch.uint8, device=device)

    assert 8 * MIB <= peak_memory_bytes(step, network, optimizer, device) < 8 * MIB + SLACK
    assert other.nbytes == 50 * MIB
