"""Training steps as CUDA graphs: the numbers of eager ones, and eager where a capture fails."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from nas.training.graphs import EAGER_STEPS, GraphStep
from nas.training.optimizers import set_learning_rate
from nas.training.recipes import Recipe, imagenet, proxy
from nas.training.step import TrainingStep, training_step
from search_space.network import Network
from search_space.spaces import small
from tests.pretend_cuda.graphs import PretendCapture

CUDA = torch.device("cuda")
STEPS = EAGER_STEPS + 3


def _network() -> nn.Module:
    torch.manual_seed(0)
    network = Network(small(8).backbone, classes=4, in_channels=1, dropout=0.0, survival=1.0)
    return network.to(CUDA, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _batch(step: int, size: int = 12) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(step)
    images = torch.randn(size, 1, 8, 8, generator=generator)
    labels = torch.randint(4, (size,), generator=generator)
    return images.to(CUDA, memory_format=torch.channels_last), labels.to(CUDA)


def _trained(
    step: Callable[[Tensor, Tensor], Tensor], optimizer: torch.optim.Optimizer, size: int = 12
) -> list[float]:
    losses = []
    for i in range(STEPS):
        set_learning_rate(optimizer, 0.01 / (i + 1))
        losses.append(step(*_batch(i, size)).item())
    return losses


def _steps(recipe: Recipe) -> tuple[GraphStep, TrainingStep]:
    graph, other = (training_step(_network(), recipe) for _ in range(2))
    assert isinstance(graph, GraphStep)
    assert isinstance(other, GraphStep)
    return graph, other.eager


@pytest.mark.parametrize("micro_batch", [None, 4, 5])
@pytest.mark.parametrize("recipe", [proxy(), imagenet(1000)], ids=["adamw", "rmsprop"])
def test_a_graph_trains_as_an_eager_step(recipe: Recipe, micro_batch: int | None) -> None:
    graph, eager = _steps(replace(recipe, micro_batch=micro_batch))
    assert _trained(graph, graph.optimizer) == _trained(eager, eager.optimizer)
    assert (graph.mode, graph.failure, eager.mode) == ("graph", None, "eager")
    states = zip(
        graph.network.state_dict().items(), eager.network.state_dict().values(), strict=True
    )
    for (name, value), other in states:
        assert torch.equal(value, other), name


def test_steps_of_a_graph_run_no_operator_one_by_one() -> None:
    graph, _ = _steps(proxy())
    _trained(graph, graph.optimizer)
    seen: list[str] = []

    class Spy(torch.utils._python_dispatch.TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(self, func: object, types: object, args=(), kwargs=None) -> object:  # type: ignore[no-untyped-def]
            seen.append(str(func))
            return func(*args, **(kwargs or {}))  # type: ignore[operator]

    (captured,) = graph._parts.values()
    images, labels = _batch(0)
    captured._graph.replay = lambda: None  # type: ignore[method-assign]
    assert graph._update is not None
    graph._update.replay = lambda: None  # type: ignore[method-assign]
    with Spy():  # type: ignore[no-untyped-call]
        graph(images, labels)
    work = [name for name in seen if name != "aten.slice.Tensor"]  # a view
    assert work == ["aten.copy_.default", "aten.copy_.default", "aten.clone.default"]


@pytest.mark.parametrize("micro_batch", [None, 4])
def test_where_a_capture_fails_the_step_stays_eager(micro_batch: int | None) -> None:
    recipe = replace(proxy(), micro_batch=micro_batch)
    graph, eager = _steps(recipe)
    PretendCapture.fails_with = "operation not permitted"
    try:
        assert _trained(graph, graph.optimizer) == _trained(eager, eager.optimizer)
    finally:
        PretendCapture.fails_with = None
    assert graph.mode == "eager"
    assert graph.failure is not None
    assert "not permitted" in graph.failure


def test_a_network_that_reads_a_value_is_trained_eager() -> None:
    class Reads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(64, 4)

        def forward(self, images: Tensor) -> Tensor:
            scale = 1.0 if images.mean().item() > -100 else 0.0
            logits: Tensor = self.linear(images.flatten(1) * scale)
            return logits

    step = training_step(Reads().to(CUDA), proxy())
    assert isinstance(step, GraphStep)
    losses = _trained(step, step.optimizer)
    assert len(losses) == STEPS
    assert step.mode == "eager"
    assert step.failure is not None
    assert step.failure.startswith("it waits for the GPU, such as in ")
    assert not step._parts  # it was not even tried


def test_memory_that_runs_out_in_a_capture_is_not_taken_for_a_failure_of_it() -> None:
    graph, _ = _steps(proxy())
    PretendCapture.fails_with = "out of memory"
    try:
        with pytest.raises(MemoryError, match="out of memory"):
            _trained(graph, graph.optimizer)
    finally:
        PretendCapture.fails_with = None


def test_another_size_is_captured_anew() -> None:
    graph, eager = _steps(proxy())
    for size in (12, 8):
        assert _trained(graph, graph.optimizer, size) == _trained(eager, eager.optimizer, size)
    assert len(graph._parts) == 1


def test_another_thread_may_wait_for_the_gpu_during_a_capture() -> None:
    """As threads that read batches ahead do."""
    event = torch.cuda.Event()  # type: ignore[no-untyped-call]
    event.record()
    waited = []

    class Waits(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(64, 4)

        def forward(self, images: Tensor) -> Tensor:
            if torch.cuda.is_current_stream_capturing():
                with ThreadPoolExecutor(1) as thread:
                    thread.submit(event.synchronize).result()
                waited.append(event)
            logits: Tensor = self.linear(images.flatten(1))
            return logits

    step = training_step(Waits().to(CUDA), proxy())
    assert isinstance(step, GraphStep)
    _trained(step, step.optimizer)
    assert waited
    assert (step.mode, step.failure) == ("graph", None)
