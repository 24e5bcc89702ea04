"""One training step: what training runs, and what step time measures."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nas.training.recipe import Recipe


@dataclass(frozen=True)
class TrainingStep:
    """Forward, backward and optimizer on one batch."""

    network: nn.Module
    optimizer: torch.optim.Optimizer
    label_smoothing: float

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        """Takes (N, C, H, W) float images and (N,) labels; returns the mean loss, detached."""
        with torch.autocast(images.device.type, torch.bfloat16, images.device.type == "cuda"):
            logits = self.network(images)
            loss = nn.functional.cross_entropy(logits, labels, label_smoothing=self.label_smoothing)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.detach()


def training_step(network: nn.Module, recipe: Recipe) -> TrainingStep:
    """The step of a recipe, with a new optimizer. Decay is on kernels only, not bias, not norm."""
    kernels = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [
        {"params": kernels, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)
    return TrainingStep(network.train(), optimizer, recipe.label_smoothing)
