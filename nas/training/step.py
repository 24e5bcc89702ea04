"""One training step: what training runs, and what step time measures."""

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
    """Forward, backward and optimizer on one batch, ``micro_batch`` images at a time."""

    network: nn.Module
    optimizer: torch.optim.Optimizer
    label_smoothing: float
    micro_batch: int | None = None

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        """Takes (N, C, H, W) float images and (N,) labels, or (N, classes) float targets that sum
        to 1 for an image; returns the mean loss, detached."""
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
        """The batch's mean loss, its gradients summed up part by part."""
        total = torch.zeros((), device=images.device)
        for start in range(0, len(images), micro_batch):
            part = slice(start, start + micro_batch)
            is_last = start + micro_batch >= len(images)
            # Processes exchange their gradients once a batch.
            is_alone = isinstance(self.network, DistributedDataParallel) and not is_last
            with self.network.no_sync() if is_alone else nullcontext():  # type: ignore[operator]
                loss = self._loss(images[part], labels[part]) * (len(images[part]) / len(images))
                loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        return total


def training_step(network: nn.Module, recipe: Recipe) -> TrainingStep:
    """The step of a recipe, with a new optimizer. Decay is on kernels only, not bias, not norm."""
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
