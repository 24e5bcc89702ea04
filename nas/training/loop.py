"""The training loop, the same for a candidate's ten epochs and for a winner's hundreds."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nas.data.images import Images
from nas.training.augment import random_crop
from nas.training.averaging import WEIGHT_MOMENTUM, WeightAverage, averaging_momentum
from nas.training.recipe import Recipe
from nas.training.schedule import warmup_cosine
from nas.training.step import training_step


class Diverged(ArithmeticError):
    """The loss is no longer a number."""


class TimeLimitExceeded(Exception):
    """Training was still running at its deadline."""


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to: its number from 1, mean training loss, accuracy in [0, 1]."""

    number: int
    loss: float
    accuracy: float


def total_steps(images: Images, recipe: Recipe) -> int:
    """The number of training steps; a last batch that is not full is left out of each epoch."""
    return recipe.epochs * (len(images) // min(recipe.batch_size, len(images)))


def train(
    network: nn.Module,
    training: Images,
    validation: Images,
    recipe: Recipe,
    seed: int,
    deadline: float = math.inf,
) -> Iterator[Epoch]:
    """Trains the network in place, on the device that ``training`` is on, and yields each epoch.

    The accuracy is that of the averaged weights on ``validation``. ``seed`` decides all of
    training's randomness, torch's global generator included. ``deadline`` is in
    ``time.monotonic()``'s seconds.

    Raises:
        Diverged: the loss became NaN or infinite.
        TimeLimitExceeded: the deadline passed.
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    step = training_step(network, recipe)
    steps = total_steps(training, recipe)
    average = WeightAverage(network, averaging_momentum(WEIGHT_MOMENTUM, steps))
    steps_an_epoch = steps // recipe.epochs
    batch_size = min(recipe.batch_size, len(training))
    padding = round(recipe.crop_padding * training.size)
    for epoch in range(recipe.epochs):
        order = torch.randperm(len(training), generator=generator).to(training.device)
        losses = torch.zeros((), device=training.device)
        for i in range(steps_an_epoch):
            if time.monotonic() > deadline:
                raise TimeLimitExceeded(f"in epoch {epoch + 1} of {recipe.epochs}")
            images, labels = training.batch(order[i * batch_size : (i + 1) * batch_size])
            images = random_crop(images, padding, generator)
            images = images.contiguous(memory_format=torch.channels_last)
            share = warmup_cosine((epoch * steps_an_epoch + i + 0.5) / steps, recipe.warmup)
            for group in step.optimizer.param_groups:
                group["lr"] = recipe.learning_rate * share
            losses += step(images, labels)
            average.update()
        loss = float(losses) / steps_an_epoch
        if not math.isfinite(loss):
            raise Diverged(f"loss {loss} in epoch {epoch + 1}")
        yield Epoch(epoch + 1, loss, accuracy(average.network, validation))


@torch.inference_mode()
def accuracy(network: nn.Module, images: Images, batch_size: int = 256) -> float:
    """The share of the images whose label the network puts first, in [0, 1]."""
    network.eval()
    correct = 0
    for start in range(0, len(images), batch_size):
        batch, labels = images.batch(slice(start, start + batch_size))
        batch = batch.contiguous(memory_format=torch.channels_last)
        with torch.autocast(batch.device.type, torch.bfloat16, batch.device.type == "cuda"):
            logits: Tensor = network(batch)
        correct += int((logits.argmax(1) == labels).sum())
    return correct / len(images)
