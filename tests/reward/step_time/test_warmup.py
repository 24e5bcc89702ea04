"""The steps that a process runs before its first measurement."""

from __future__ import annotations

from functools import partial
from itertools import groupby

import pytest
import torch
from torch import Tensor, nn

from nas.training.recipes import proxy
from nas.training.step import TrainingStep, step_without_learning
from reward.step_time.standalone import TimedNetwork
from reward.step_time.warmup import fill_heap_holes, warm_up_heap

MAKE_STEP = partial(step_without_learning, proxy())


def test_it_is_small_and_has_been_stepped() -> None:
    step = fill_heap_holes(torch.device("cpu"), MAKE_STEP)
    weights = list(step.network.parameters())
    assert sum(weight.nbytes for weight in weights) < 2**20
    assert all(step.optimizer.state[weight]["step"] == 1 for weight in weights)


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> list[int | str]:
    """The steps that were run: a network's by the number of weights."""
    order: list[int | str] = []

    def step(self: TrainingStep, images: Tensor, labels: Tensor) -> Tensor:
        assert self.network(images).shape == (len(labels), 5)
        order.append(sum(weight.numel() for weight in self.network.parameters()))
        return torch.zeros(())

    monkeypatch.setattr(TrainingStep, "__call__", step)
    return order


def _warm_up(order: list[int | str]) -> None:
    images, labels = torch.zeros(8, 1, 8, 8), torch.zeros(8, dtype=torch.long)
    reference = TimedNetwork(nn.Identity(), images, labels, MAKE_STEP)
    warm_up_heap(reference, lambda mode: order.append("reference"), 5)


def test_several_networks_take_turns_with_the_reference(
    order: list[int | str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reward.step_time.warmup.time.monotonic", lambda: 0.0)
    _warm_up(order)
    runs = [key for key, _ in groupby(order)]
    assert runs[1::2] == ["reference"] * (len(runs) // 2)
    assert runs[-1] == "reference"
    assert len(runs[::2]) > 3


def test_slow_steps_end_it(order: list[int | str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 2))  # seconds
    monkeypatch.setattr("reward.step_time.warmup.time.monotonic", lambda: next(clock))
    _warm_up(order)
    assert order.count("reference") == 1


def test_a_batch_that_does_not_fit_is_taken_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[int | str] = []

    def step(self: TrainingStep, images: Tensor, labels: Tensor) -> Tensor:
        if self.micro_batch is None or self.micro_batch > 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        order.append(self.micro_batch)
        return torch.zeros(())

    monkeypatch.setattr(TrainingStep, "__call__", step)
    _warm_up(order)
    assert set(order) == {2, "reference"}
