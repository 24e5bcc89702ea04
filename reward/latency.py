"""The time of inference, forward passes in evaluation mode."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reward.step_time.clocks import mixed_precision, stopwatch


@torch.inference_mode()
def latencies_s(
    network: nn.Module, images: Tensor, device: torch.device, runs: int, warmup: int
) -> tuple[float, ...]:
    """Seconds of each forward pass of a batch (N, C, H, W) on its device.

    In training's precision: bfloat16 where the GPU has it, float32 on a CPU. Leaves the network
    evaluating and its weights without gradients, so that autocast treats every network alike.
    """
    network.eval().requires_grad_(False)
    watch = stopwatch(device)
    with mixed_precision(device):
        for _ in range(warmup):
            network(images)
        for _ in range(runs):
            watch.time(lambda: network(images))
    return watch.seconds()
