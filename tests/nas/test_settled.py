"""What is kept while others are timed is small, and has had its first step."""

from __future__ import annotations

import torch

from nas.settled import settled


def test_it_is_small_and_has_been_stepped() -> None:
    step = settled(torch.device("cpu"))
    weights = list(step.network.parameters())
    assert sum(weight.nbytes for weight in weights) < 2**20
    assert all(step.optimizer.state[weight]["step"] == 1 for weight in weights)
