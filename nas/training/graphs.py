"""Training steps as CUDA graphs: one launch instead of hundreds.

A small network's step is hundreds of kernels that take a few microseconds each. Launched one by one
they keep the GPU waiting for the CPU nine tenths of the time (docs/gpu.md). A CUDA graph holds all
of them, with the memory that they read and write, and launches them at once. What it computes is
the same, to the last bit.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, nn

from reward.step_time.memory_and_latency import is_out_of_memory

if TYPE_CHECKING:
    from nas.training.step import Part, TrainingStep

T = TypeVar("T")

_IS_WAIT = "synchronizing CUDA operation"  # in torch's warning

EAGER_STEPS = 3
"""Steps before a capture, in which libraries choose their kernels and the optimizer makes its
state; torch asks for them."""


class GraphStep:
    """A training step that runs as CUDA graphs after its first steps.

    There is a graph of forward and backward for the first part of a batch, which sets the
    gradients; one for further parts of a batch in micro-batches, which adds to them; and one of the
    optimizer. A step that waits for the GPU, such as one whose operator reads a value, cannot be
    captured: it stays eager, and ``failure`` says why. That is seen in the last eager step, as a
    capture that fails leaves torch's allocator in disorder.
    """

    def __init__(self, eager: TrainingStep) -> None:
        self.eager = eager
        self.failure: str | None = None
        self._eager_steps = 0
        self._parts: dict[object, _CapturedPart] = {}
        self._update: torch.cuda.CUDAGraph | None = None
        self._gradients: list[Tensor | None] = []
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()

    @property
    def network(self) -> nn.Module:
        """The network that the step trains."""
        return self.eager.network

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """The optimizer with its state."""
        return self.eager.optimizer

    @property
    def micro_batch(self) -> int | None:
        """The number of images processed at once; None for the batch."""
        return self.eager.micro_batch

    @property
    def mode(self) -> str:
        """How the step runs: ``graph`` or ``eager``, or ``compiled graph`` or ``compiled``."""
        if self.failure is not None:
            return self.eager.mode
        return "graph" if self.eager.compiled is None else "compiled graph"

    @property
    def warmup(self) -> int:
        """The steps after which all take alike."""
        return EAGER_STEPS + 1

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        """Train on a batch, as :class:`nas.training.step.TrainingStep` does."""
        return self.run(self.parts(images, labels), len(images))

    def parts(self, images: Tensor, labels: Tensor) -> Iterator[Part]:
        """Yield a batch in parts of ``micro_batch`` images, the last perhaps smaller."""
        return self.eager.parts(images, labels)

    def forget(self) -> None:
        """Capture anew, after a few eager steps: the network or the images have changed."""
        self._drop_graphs()
        self._eager_steps = 0

    def _drop_graphs(self) -> None:
        self._parts.clear()
        self._update = None
        self._gradients = []
        self._pool = torch.cuda.graph_pool_handle()

    def run(self, parts: Iterable[Part], count: int) -> Tensor:
        """Train on a batch of ``count`` images in parts; return the mean loss, detached."""
        if self.failure is not None:
            return self.eager.run(parts, count)
        if self._eager_steps < EAGER_STEPS:
            self._eager_steps += 1
            run = partial(self._on_a_stream_of_its_own, parts, count)
            if self._eager_steps < EAGER_STEPS:
                return run()
            loss, self.failure = _watched(run)
            return loss
        total, seen = None, 0
        for images, labels in parts:
            if total is not None:
                self.eager.between_parts()
            loss = self._add_gradients(images, labels, count, seen)
            total = loss if total is None else total + loss
            seen += len(images)
        self._step_optimizer()
        assert total is not None
        return total

    def _on_a_stream_of_its_own(self, parts: Iterable[Part], count: int) -> Tensor:
        """Run an eager step as torch asks for before a capture."""
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            loss = self.eager.run(parts, count)
        torch.cuda.current_stream().wait_stream(self._stream)
        return loss

    def _add_gradients(self, images: Tensor, labels: Tensor, count: int, seen: int) -> Tensor:
        """Set the gradients by the first part of a batch, or add those of a further one."""
        is_first, is_last = seen == 0, seen + len(images) == count
        if self.failure is None:
            key = (is_first, images.shape, labels.shape, labels.dtype, count)
            captured = self._parts.get(key) or self._capture_part(
                images, labels, count, is_first, is_last
            )
            if captured is not None:
                self._parts[key] = captured
                return captured.replay(images, labels)
        if is_first:
            self.optimizer.zero_grad(set_to_none=True)
        return self.eager.gradients(images, labels, count, is_last)

    def _capture_part(
        self, images: Tensor, labels: Tensor, count: int, is_first: bool, is_last: bool
    ) -> _CapturedPart | None:
        """Capture forward and backward of a part; None if that fails."""
        if is_first:  # of other images: gradients elsewhere, which the optimizer's graph must read
            self._drop_graphs()
        inputs = torch.empty_like(images), torch.empty_like(labels)
        for buffer, given in zip(inputs, (images, labels), strict=True):
            buffer.copy_(given)  # a capture runs nothing, but code may look at what is there

        def run() -> Tensor:
            if is_first:
                self.optimizer.zero_grad(set_to_none=True)
            return self.eager.gradients(*inputs, count, is_last)

        captured = self._captured(run)
        if captured is None:
            return None
        if is_first:
            self._gradients = [weight.grad for weight in self.network.parameters()]
        return _CapturedPart(captured[0], *inputs, captured[1])

    def _step_optimizer(self) -> None:
        if self.failure is None and self._update is None:
            captured = self._captured(lambda: self.optimizer.step())
            if captured is not None:
                self._update = captured[0]
        if self._update is not None and self.failure is None:
            self._update.replay()
        else:
            self.optimizer.step()

    def _captured(self, run: Callable[[], T]) -> tuple[torch.cuda.CUDAGraph, T] | None:
        """Return the graph of what ``run`` does, and its result; None if it cannot be captured.

        Raises:
            MemoryError: there is not enough memory for it.
        """
        for weight, gradient in zip(self.network.parameters(), self._gradients, strict=False):
            weight.grad = gradient  # an eager step in between has made others
        graph, stream = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
        try:
            # Threads that read batches ahead wait for the GPU meanwhile, as only "thread_local"
            # allows them to.
            with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
                result = run()
        except Exception as error:
            torch.cuda.set_stream(stream)  # the capture's own, if its end failed
            _free_generator(next(self.network.parameters()).device)
            if is_out_of_memory(error) or is_out_of_memory(error.__context__ or error):
                raise MemoryError("CUDA out of memory in the capture of a step") from error
            torch.cuda.empty_cache()  # raises where the allocator still waits for the capture's end
            self.failure = " ".join(str(error).split())[:200] or type(error).__name__
            return None
        return graph, result


def _watched(run: Callable[[], T]) -> tuple[T, str | None]:
    """Return the result of a call, and what waited for the GPU in it, in words; None if nothing."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        before = torch.cuda.get_sync_debug_mode()
        torch.cuda.set_sync_debug_mode("warn")
        try:
            result = run()
        finally:
            torch.cuda.set_sync_debug_mode(before)
    waits = [warning for warning in seen if _IS_WAIT in str(warning.message)]
    for warning in seen:
        if warning not in waits and "Synchronization debug mode" not in str(warning.message):
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    if not waits:
        return result, None
    where = f"{Path(waits[0].filename).name}, line {waits[0].lineno}"
    return result, f"it waits for the GPU, such as in {where}"


def _free_generator(device: torch.device) -> None:
    """Let the GPU's random numbers go on after a capture that failed.

    Their generator may believe that it is still captured, and would refuse to draw.
    """
    generators: Sequence[torch.Generator] = torch.cuda.default_generators
    if generators:
        generator = generators[device.index or 0]
        generator.graphsafe_set_state(generator.clone_state())


class _CapturedPart:
    """Forward and backward of a part of a batch, with the memory of its images and loss."""

    def __init__(
        self, graph: torch.cuda.CUDAGraph, images: Tensor, labels: Tensor, loss: Tensor
    ) -> None:
        self._graph, self._images, self._labels, self._loss = graph, images, labels, loss

    def replay(self, images: Tensor, labels: Tensor) -> Tensor:
        """Run the graph on other images; return a copy of the loss."""
        self._images.copy_(images)
        self._labels.copy_(labels)
        self._graph.replay()
        return self._loss.clone()
