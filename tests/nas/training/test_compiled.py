"""Steps of compiled networks. The compiler's front end is torch's own; most tests leave out the
back end, which takes minutes on a CPU."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest
import torch

from nas.training.recipes import proxy
from nas.training.step import TrainingStep, training_step
from search_space.network import Network
from search_space.spaces import small
from tests.nas.training.networks import blobs, resnet

BATCH = blobs(16).batch(slice(0, 16))
RECIPE = replace(proxy(), is_compiled=True)


@pytest.fixture
def without_back_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Compile to a graph of torch's own operators."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.mark.usefixtures("without_back_end")
def test_a_compiled_step_trains_the_network_itself() -> None:
    eager, compiled = (training_step(resnet(), recipe) for recipe in (proxy(), RECIPE))
    assert isinstance(compiled, TrainingStep)
    assert (eager.mode, compiled.mode) == ("eager", "compiled")
    for _ in range(3):
        assert float(eager(*BATCH)) == float(compiled(*BATCH))
    for ours, theirs in zip(eager.network.parameters(), compiled.network.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.usefixtures("without_back_end")
def test_every_network_of_a_search_is_compiled() -> None:
    """Torch gives up on code that it has compiled eight times."""
    from torch._dynamo.utils import counters

    counters.clear()
    space, generator = small(16), random.Random(0)
    networks = [Network(space.sample(generator), 4, 3, 0.0, 1.0) for _ in range(10)]
    for network in networks:
        training_step(network, RECIPE)(*BATCH)
    assert counters["frames"]["ok"] == counters["frames"]["total"] >= 10


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit.script_method.*:DeprecationWarning")
def test_compiled_to_code_the_numbers_are_nearly_the_same() -> None:
    eager, compiled = (training_step(resnet(), recipe) for recipe in (proxy(), RECIPE))
    losses = [[float(step(*BATCH)) for _ in range(3)] for step in (eager, compiled)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
