"""Validation: the outputs of a network on images, in parts that fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nas.data.images import Images
from nas.training.distributed import World
from reward.step_time.clocks import mixed_precision
from reward.step_time.memory_and_latency import is_out_of_memory

_FEWEST_AT_ONCE, MOST_AT_ONCE = 64, 256  # images
_PIXELS_AT_ONCE = 2**18  # on a CPU


@dataclass
class Portion:
    """How many images are evaluated at once. It is halved where they do not fit into memory."""

    size: int

    @classmethod
    def of(cls, images: Images, most: int | None = None) -> Portion:
        """Return as many as the device takes well, and at most ``most``.

        On a CPU, more than 64 images of 64 px would take more memory than training, and as much
        time.
        """
        size = MOST_AT_ONCE
        if images.device.type == "cpu":
            size = min(size, max(_FEWEST_AT_ONCE, _PIXELS_AT_ONCE // images.size**2))
        return cls(min(size, most or size))


@torch.inference_mode()
def outputs(
    network: nn.Module, images: Images, positions: Tensor, portion: Portion
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the logits (N, classes) and targets of the images at ``positions``, part by part.

    Raises:
        MemoryError, RuntimeError: not even one image fits into memory.
    """
    network.eval()
    for pixels, labels in images.batches(positions, portion.size):
        start = 0
        while start < len(pixels):
            logits = _logits(network, images, pixels[start : start + portion.size], portion)
            if logits is None:
                continue
            yield logits, labels[start : start + len(logits)]
            start += len(logits)


def _logits(network: nn.Module, images: Images, pixels: Tensor, portion: Portion) -> Tensor | None:
    """Return the logits; None if they did not fit into memory, after halving the portion."""
    try:
        batch = images.normalised(pixels).contiguous(memory_format=torch.channels_last)
        with mixed_precision(batch.device):
            logits: Tensor = network(batch)
            return logits
    except Exception as error:
        if not is_out_of_memory(error) or len(pixels) == 1:
            raise
        portion.size = -(-len(pixels) // 2)
    if pixels.is_cuda:  # what the failed attempt held is free now
        torch.cuda.empty_cache()
    return None


@torch.inference_mode()
def accuracy(
    network: nn.Module,
    images: Images,
    portion: Portion | None = None,
    world: World | None = None,
) -> float:
    """Return the top-1 accuracy in [0, 1]; an image with several labels may have any of them.

    Each of several processes evaluates a part of the images; all get the accuracy on all images.
    """
    world = world or World()
    correct = torch.zeros((), dtype=torch.int64, device=images.device)
    positions = torch.arange(world.rank, len(images), world.size)
    for logits, labels in outputs(network, images, positions, portion or Portion.of(images)):
        predicted = logits.argmax(1)
        if labels.ndim == 1:
            correct += (predicted == labels).sum()
        else:
            correct += (labels.gather(1, predicted[:, None]) > 0).sum()
    return int(world.sum(correct)) / len(images)
