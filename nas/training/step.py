"""The training step: training runs it, and step time measures it."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from nas.training.optimizers import RMSPropTF
from nas.training.recipes import Recipe
from reward.step_time.clocks import mixed_precision


@dataclass(frozen=True)
class TrainingStep:
    """One step on a batch: forward, backward, optimizer.

    With ``micro_batch`` set, the gradients of so many images at a time are accumulated.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    label_smoothing: float
    micro_batch: int | None = None

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        """Train on a batch and return the mean loss, detached.

        ``images`` are (N, C, H, W) floats. ``labels`` are (N,), or (N, classes) float targets that
        sum to 1 for each image.
        """
        self.optimizer.zero_grad(set_to_none=True)
        if self.micro_batch is None or len(images) <= self.micro_batch:
            loss = self._loss(images, labels)
            loss.backward()  # type: ignore[no-untyped-call]
        else:
            loss = self._accumulated(images, labels, self.micro_batch)
        self.optimizer.step()
        return loss.detach()

    def _loss(self, images: Tensor, labels: Tensor) -> Tensor:
        with mixed_precision(images.device):
            logits = self.network(images)
            return nn.functional.cross_entropy(logits, labels, label_smoothing=self.label_smoothing)

    def _accumulated(self, images: Tensor, labels: Tensor, micro_batch: int) -> Tensor:
        """Return the mean loss of the batch, with gradients accumulated over its parts."""
        total = torch.zeros((), device=images.device)
        for start in range(0, len(images), micro_batch):
            part = slice(start, start + micro_batch)
            is_last = start + micro_batch >= len(images)
            # Processes exchange their gradients once a batch, at its last part.
            skips_sync = isinstance(self.network, DistributedDataParallel) and not is_last
            with self.network.no_sync() if skips_sync else nullcontext():  # type: ignore[operator]
                loss = self._loss(images[part], labels[part]) * (len(images[part]) / len(images))
                loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        return total


def training_step(network: nn.Module, recipe: Recipe) -> TrainingStep:
    """Return the step of a recipe, with a new optimizer.

    Weight decay applies to kernels only, not to biases and batch normalisation.
    """
    kernels = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [
        {"params": kernels, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    optimizer = _optimizer(groups, recipe)
    return TrainingStep(network.train(), optimizer, recipe.label_smoothing, recipe.micro_batch)


def step_without_learning(
    recipe: Recipe, network: nn.Module, micro_batch: int | None
) -> TrainingStep:
    """Make the recipe's step at learning rate 0, for step time: the same work, weights kept.

    Under ``functools.partial(step_without_learning, recipe)`` it is the factory of steps that
    :class:`reward.step_time.standalone.TimedNetwork` takes.
    """
    return training_step(network, replace(recipe, learning_rate=0.0, micro_batch=micro_batch))


def _optimizer(groups: list[dict[str, object]], recipe: Recipe) -> torch.optim.Optimizer:
    if recipe.optimizer == "rmsprop":
        return RMSPropTF(groups, lr=recipe.learning_rate)
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)
