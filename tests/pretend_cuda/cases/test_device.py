"""The pretend device itself does what a GPU does, as far as other tests rely on it."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from tests.pretend_cuda.device import counts, current_bytes, memory_limit

CUDA = torch.device("cuda")


def test_it_computes_what_the_cpu_computes() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(288, 4))
    images = torch.randn(5, 3, 8, 8)
    other = copy.deepcopy(network).to(CUDA)
    network(images).square().mean().backward()
    other(images.to(CUDA)).square().mean().backward()
    for here, there in zip(network.parameters(), other.parameters(), strict=True):
        assert there.grad is not None
        assert there.grad.is_cuda
        assert torch.equal(here.grad, there.grad.cpu())  # type: ignore[arg-type]


def test_tensors_of_two_devices_are_an_error() -> None:
    with pytest.raises(RuntimeError, match="same device"):
        torch.ones(3, device=CUDA) + torch.ones(3)


def test_waits_are_counted() -> None:
    before = counts()
    ones = torch.ones(3).to(CUDA)
    assert (counts() - before).blocking_to_device == 1
    ones.to(CUDA).sum()
    assert (counts() - before).waits == 1
    assert ones.sum().item() == 3
    assert (counts() - before).items == 1
    ones.cpu()
    assert (counts() - before).blocking_to_host == 1


def test_a_copy_from_pinned_memory_need_not_wait() -> None:
    pinned = torch.ones(3, pin_memory=True)
    assert pinned.is_pinned()
    assert not torch.ones(3).is_pinned()
    before = counts()
    pinned.to(CUDA, non_blocking=True)
    assert (counts() - before).waits == 0
    torch.ones(3).to(CUDA, non_blocking=True)  # is staged, which waits
    assert (counts() - before).waits == 1


def test_memory_is_counted_and_limited() -> None:
    before = current_bytes()
    held = torch.empty(1000, device=CUDA)
    assert current_bytes() - before == 4000
    with memory_limit(before + 5000), pytest.raises(torch.OutOfMemoryError):
        torch.empty(1000, device=CUDA)
    del held
    assert current_bytes() == before


def test_a_replay_reads_and_writes_the_memory_of_the_capture() -> None:
    weight = torch.ones(3, device=CUDA)
    given = torch.zeros(3, device=CUDA)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        product = weight * given + 1
        weight += 1
    assert weight.tolist() == [1.0] * 3  # a capture runs nothing
    given.copy_(torch.full((3,), 5.0))
    weight.fill_(2.0)
    graph.replay()
    assert product.tolist() == [11.0] * 3
    assert weight.tolist() == [3.0] * 3


def test_a_capture_does_not_read() -> None:
    value = torch.ones((), device=CUDA)
    with (
        pytest.raises(RuntimeError, match="capturing"),
        torch.cuda.graph(torch.cuda.CUDAGraph()),
    ):
        value.item()
