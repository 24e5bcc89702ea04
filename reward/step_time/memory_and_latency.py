"""Peak memory of a training step, and the latency of inference."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from reward.step_time.clocks import mixed_precision, stopwatch

# Phrases of torch, the C library, cuBLAS, cuDNN, and Ray in errors that have no type of their own.
_NO_MEMORY = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "cannot allocate memory",
    "alloc_failed",
    "outofmemory",
    "running low on memory",
)


def peak_memory_bytes(
    step: Callable[[], object],
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    device: torch.device,
) -> int:
    """Return the peak memory of one step: weights, optimizer state, gradients, activations.

    That is what the network and its optimizer hold before the step, plus the most that the step
    allocates besides: on a GPU by the device's own count, and on a CPU, which keeps none, by the
    running sum of allocations. Other memory on the device does not count. An earlier step must have
    made the optimizer's state; its gradients are dropped here, as the step itself would.
    """
    optimizer.zero_grad(set_to_none=True)
    resident = sum(tensor.nbytes for tensor in _resident(network, optimizer))
    taken = _taken_on_gpu(step, device) if device.type == "cuda" else _taken_on_cpu(step)
    return resident + taken


def _taken_on_gpu(step: Callable[[], object], device: torch.device) -> int:
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    step()
    return torch.cuda.max_memory_allocated(device) - before


def _taken_on_cpu(step: Callable[[], object]) -> int:
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        step()
    assert profiler.profiler is not None
    assert profiler.profiler.kineto_results is not None
    events = profiler.profiler.kineto_results.events()
    sizes = sorted((e.start_ns(), int(e.nbytes())) for e in events if e.name() == "[memory]")
    return max(accumulate((size for _, size in sizes), initial=0))


def _resident(network: nn.Module, optimizer: torch.optim.Optimizer) -> list[Tensor]:
    weights = list(network.parameters())
    states = [v for state in optimizer.state.values() for v in state.values()]
    return [
        *weights,
        *network.buffers(),
        *(value for value in states if isinstance(value, Tensor)),
    ]


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether memory ran out, of the device, of the machine, or of a Ray worker."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or is_about_memory(str(error))


def is_about_memory(text: str) -> bool:
    """Return whether an error's text is one of those for memory that ran out."""
    return any(words in text.lower() for words in _NO_MEMORY)


@torch.inference_mode()
def latencies_s(
    network: nn.Module, images: Tensor, device: torch.device, runs: int, warmup: int
) -> tuple[float, ...]:
    """Time forward passes of a batch (N, C, H, W) on its device; return the seconds of each.

    The precision is training's: bfloat16 where the GPU has it, float32 on a CPU. Afterwards the
    network is in evaluation mode and its weights need no gradients, so that autocast treats every
    network alike.
    """
    network.eval().requires_grad_(False)
    watch = stopwatch(device)
    with mixed_precision(device):
        for _ in range(warmup):
            network(images)
        for _ in range(runs):
            watch.time(lambda: network(images))
    return watch.seconds()
