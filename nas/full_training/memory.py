"""How many images at once fit onto a training's devices."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from nas.data.images import Images
from nas.training.distributed import World
from nas.training.recipes import Recipe
from nas.training.stage import TrainingStage
from reward.step_time.standalone import Subject


def fitting_micro_batch(
    build: Callable[[], nn.Module],
    images: Images,
    recipe: Recipe,
    of: list[TrainingStage],
    world: World,
) -> int | None:
    """The largest micro-batch of a process at which the heaviest epoch's step fits; None: all.

    Gradients are summed up over micro-batches, so a batch of 4096 trains on one GPU as it does on
    32, but for batch normalisation, whose statistics are each micro-batch's own. What the recipe
    says stands. A step is tried on a twin from ``build``, with made images; all processes take the
    least that any found. On a CPU, whose memory has no such end, nothing is tried.

    Raises:
        MemoryError: when even two images at a time do not fit.
    """
    if recipe.micro_batch is not None or images.device.type != "cuda":
        return recipe.micro_batch
    heaviest = max(of, key=lambda stage: stage.batch_size * stage.image_size**2)
    own = heaviest.batch_size // world.size
    subject = _subject(build(), images, own, heaviest.image_size)
    found = subject.fitting_step(recipe).micro_batch or own
    del subject
    torch.cuda.empty_cache()
    least = int(world.least(torch.tensor(found, device=images.device)))
    return None if least >= own else least


def _subject(network: nn.Module, images: Images, count: int, size: int) -> Subject:
    """A network with made images, as many as a batch has."""
    channels = images.pixels.shape[1]
    made = torch.zeros(count, channels, size, size, device=images.device)
    labels: Tensor = torch.zeros(count, dtype=torch.int64, device=images.device)
    if images.labels.ndim > 1:  # targets, as of images of several classes
        labels = torch.full((count, images.classes), 1 / images.classes, device=images.device)
    return Subject(network, made.contiguous(memory_format=torch.channels_last), labels)
