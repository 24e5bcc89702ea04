"""The largest micro-batch with which a training fits into a GPU's memory, found by training."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor, nn

from nas.data.images import Images
from nas.training.distributed import World
from nas.training.graphs import EAGER_STEPS
from nas.training.loop import Training
from nas.training.recipes import Recipe, TrainingStage
from nas.training.validation import MOST_AT_ONCE
from reward.step_time.memory_and_latency import is_out_of_memory
from reward.step_time.standalone import micro_batches

MARGIN = 0.05
"""The share of the GPU's memory that is kept free in the trial: gaps between allocations grow in a
long training, and other programs take some."""


def fitting_micro_batch(
    build: Callable[[], nn.Module],
    images: Images,
    recipe: Recipe,
    stages: list[TrainingStage],
    world: World,
) -> int | None:
    """Return the largest micro-batch that fits into a GPU's memory in the stage that needs most.

    None means the whole share of the batch that a process has. A micro-batch in the recipe is kept,
    and on a CPU nothing is tried. The trial is a training of a second network from ``build``, with
    its optimizer, average, augmentation, graphs, and validation, on made images; all processes take
    the smallest result of any.

    Gradients are accumulated over micro-batches, so a batch of 4096 trains on one GPU as on 32,
    except that batch normalisation has the statistics of each micro-batch.

    Raises:
        MemoryError: not even two images at a time fit.
    """
    if recipe.micro_batch is not None or images.device.type != "cuda":
        return recipe.micro_batch
    heaviest = max(stages, key=lambda stage: stage.batch_size * stage.image_size**2)
    share = heaviest.batch_size // world.size
    fitting = (
        micro_batch or share
        for micro_batch in micro_batches(share)
        if _fits(build, images, recipe, heaviest, micro_batch, world)
    )
    least = int(world.least(torch.tensor(next(fitting, 0), device=images.device)))
    if not least:
        raise MemoryError("out of memory: two images at a time do not fit on the GPU")
    return None if least >= share else least


def _fits(
    build: Callable[[], nn.Module],
    images: Images,
    recipe: Recipe,
    stage: TrainingStage,
    micro_batch: int | None,
    world: World,
) -> bool:
    """Whether a training with this micro-batch fits beside the margin."""
    try:
        with _reserved(_margin_bytes(images.device)):
            _train(build(), images, recipe, stage, micro_batch, world)
            torch.cuda.synchronize(images.device)
        return True
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return False
    finally:
        gc.collect()
        torch.cuda.empty_cache()


def _train(
    network: nn.Module,
    images: Images,
    recipe: Recipe,
    stage: TrainingStage,
    micro_batch: int | None,
    world: World,
) -> None:
    """Train for as many steps as it takes until no more memory is allocated, one an epoch."""
    share = stage.batch_size // world.size
    made = _made_images(images, share).at(stage.image_size)
    steps = EAGER_STEPS + 2
    trial = replace(
        recipe,
        epochs=steps,
        batch_size=share,
        learning_rate=0.0,
        micro_batch=micro_batch,
        patience=None,
        resizing=None,
        randaugment_magnitude=stage.randaugment_magnitude,
        mixup_alpha=stage.mixup_alpha,
    )
    # Processes that train together hold their gradients a second time, to exchange them.
    exchanged = sum(weight.nbytes for weight in network.parameters()) if world.size > 1 else 0
    validation = _made_images(images, min(share, MOST_AT_ONCE)).at(images.size)
    with _reserved(exchanged):
        for _ in Training(network, made, validation, trial, seed=0).epochs():
            pass


def _made_images(images: Images, count: int) -> Images:
    """Return ``count`` images like these, on the device or on the host as they are."""
    pixels = torch.zeros(
        (count, *images.pixels.shape[1:]), dtype=torch.uint8, device=images.pixels.device
    )
    labels: Tensor = torch.zeros((count, *images.labels.shape[1:]), dtype=torch.int64)
    labels = labels.to(images.labels.device)
    return Images(pixels, labels, images.mean, images.std, images.classes)


def _margin_bytes(device: torch.device) -> int:
    total: int = torch.cuda.get_device_properties(device).total_memory
    # Releases of torch before 2.8 do not tell.
    share_of = getattr(torch.cuda, "get_per_process_memory_fraction", lambda device: 1.0)
    return int(MARGIN * share_of(device) * total)


@contextmanager
def _reserved(size_bytes: int) -> Iterator[None]:
    """Hold so much of the GPU's memory."""
    held = torch.empty(size_bytes, dtype=torch.uint8, device="cuda")
    try:
        yield
    finally:
        del held
