"""Validation: the outputs of a network on images, in parts that fit into memory; its metric."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from nas.data.images import Images
from nas.errors import MetricError
from nas.metrics.metric_function import ACCURACY, MetricFunction
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


@dataclass(frozen=True)
class Validated:
    """The value of a metric in [0, 1], and of how many images a share would be as noisy.

    ``effective_images`` is None if it was not asked for, if the metric is itself a share of the
    images, and where it is not known (:meth:`MetricFunction.effective_images`).
    """

    value: float
    effective_images: float | None = None


@torch.inference_mode()
def validate(
    network: nn.Module,
    images: Images,
    function: MetricFunction = ACCURACY,
    portion: Portion | None = None,
    world: World | None = None,
    with_noise: bool = False,
) -> Validated:
    """Return the metric of the network on the images, with its noise if that is asked for.

    Each of several processes evaluates a part of the images; all get the metric on all images.

    Raises:
        MetricError: a user's function has no value from 0 to 1.
    """
    world, portion = world or World(), portion or Portion.of(images)
    positions = torch.arange(world.rank, len(images), world.size)
    parts = outputs(network, images, positions, portion)
    if function.metric.is_share:
        hits = sum_of_hits(parts, function, images.device)
        return Validated(int(world.sum(hits)) / len(images))
    logits = _gathered(parts, images, positions, world)
    labels = metric_labels(images.targets(slice(None)))
    return _by_first(world, images.device, partial(_measured, function, logits, labels, with_noise))


def accuracy(
    network: nn.Module,
    images: Images,
    portion: Portion | None = None,
    world: World | None = None,
) -> float:
    """Return the top-1 accuracy in [0, 1]; an image with several labels may have any of them."""
    return validate(network, images, ACCURACY, portion, world).value


def sum_of_hits(
    parts: Iterable[tuple[Tensor, Tensor]], function: MetricFunction, device: torch.device
) -> Tensor:
    """Return how many images count for a metric that is a share of them; no logits are kept."""
    hits = torch.zeros((), dtype=torch.int64, device=device)
    for logits, labels in parts:
        predicted = logits.topk(5).indices if function.metric.name == "top5" else logits.argmax(1)
        if labels.ndim > 1:
            hits += (labels.gather(1, predicted.view(len(logits), -1)) > 0).any(1).sum()
        elif predicted.ndim > 1:
            hits += (predicted == labels[:, None]).sum()
        else:
            hits += (predicted == labels).sum()
    return hits


def metric_labels(targets: Tensor) -> Tensor:
    """Return the targets of :meth:`Images.targets` as metrics take labels: several as 0 and 1."""
    return targets if targets.ndim == 1 else (targets > 0).long()


def _gathered(
    parts: Iterable[tuple[Tensor, Tensor]], images: Images, positions: Tensor, world: World
) -> Tensor:
    """Return the logits (N, classes) float32 of all images, of which this process has a part."""
    found = [logits.float() for logits, _ in parts]
    logits = torch.cat(found) if found else torch.zeros(0, images.classes, device=images.device)
    if world.size == 1:
        return logits
    gathered = logits.new_zeros(len(images), logits.shape[1])
    gathered[positions.to(logits.device)] = logits
    return world.sum(gathered)


def _measured(
    function: MetricFunction, logits: Tensor, labels: Tensor, with_noise: bool
) -> Validated:
    noise = function.effective_images(logits, labels) if with_noise else None
    return Validated(function.value(logits, labels), noise)


def _by_first(world: World, device: torch.device, measure: Callable[[], Validated]) -> Validated:
    """Return what the first process measures; the others wait for it.

    Sums may differ in their last bit from process to process, and then early stopping would not
    come to all of them in the same epoch.
    """
    if world.size == 1:
        return measure()
    found, problem = Validated(math.nan), None
    if world.rank == 0:
        try:
            found = measure()
        except MetricError as error:  # the others wait for a number all the same
            problem = error
    value, noise = world.first(found.value, device), world.first(found.effective_images, device)
    if problem is not None:
        raise problem
    if value is None:
        raise MetricError(f"got none from the first of {world.size} processes")
    return Validated(value, noise)
