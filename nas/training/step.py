"""The training step: training runs it, and step time measures it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from nas.training.graphs import GraphStep
from nas.training.optimizers import RMSPropTF, make_capturable
from nas.training.recipes import Recipe
from reward.step_time.clocks import mixed_precision

Part = tuple[Tensor, Tensor]
"""Images (N, C, H, W) floats and their labels (N,), or (N, classes) targets that sum to 1."""


def _nothing() -> None:
    """Do nothing between two parts of a batch."""


@dataclass(frozen=True)
class TrainingStep:
    """One step on a batch: forward, backward, optimizer.

    With ``micro_batch`` set, a batch is processed so many images at a time, and their gradients are
    accumulated. ``between_parts`` is called between two of these parts. ``compiled`` is the network
    as ``torch.compile`` made it.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    label_smoothing: float
    micro_batch: int | None = None
    between_parts: Callable[[], None] = _nothing
    compiled: Callable[[Tensor], Tensor] | None = None

    @property
    def mode(self) -> str:
        """How the step runs: ``eager`` or ``compiled``."""
        return "eager" if self.compiled is None else "compiled"

    @property
    def eager(self) -> TrainingStep:
        """The step as it runs without CUDA graphs."""
        return self

    @property
    def failure(self) -> str | None:
        """Why the step runs in this mode and not in a faster one; None if it was meant to."""
        return None

    @property
    def warmup(self) -> int:
        """The steps after which all take alike: the optimizer's state exists after the first."""
        return 2

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        """Train on a batch and return the mean loss, detached.

        ``images`` are (N, C, H, W) floats. ``labels`` are (N,), or (N, classes) float targets that
        sum to 1 for each image.
        """
        return self.run(self.parts(images, labels), len(images))

    def parts(self, images: Tensor, labels: Tensor) -> Iterator[Part]:
        """Yield a batch in parts of ``micro_batch`` images, the last perhaps smaller."""
        at_once = self.micro_batch or len(images)
        for start in range(0, len(images), at_once):
            part = slice(start, start + at_once)
            yield images[part], labels[part]

    def run(self, parts: Iterable[Part], count: int) -> Tensor:
        """Train on a batch of ``count`` images in parts; return the mean loss, detached.

        A part is taken when the one before it is done, so that only one has to be in memory.
        """
        self.optimizer.zero_grad(set_to_none=True)
        total, seen = None, 0
        for images, labels in parts:
            if total is not None:
                self.between_parts()
            seen += len(images)
            loss = self.gradients(images, labels, count, is_last=seen == count)
            total = loss if total is None else total + loss
        self.optimizer.step()
        assert total is not None
        return total

    def gradients(self, images: Tensor, labels: Tensor, count: int, is_last: bool) -> Tensor:
        """Add the gradients of a part of ``count`` images; return its share of the mean loss."""
        forward = self.network if self.compiled is None else self.compiled
        # Processes exchange their gradients once a batch, at its last part.
        skips_sync = isinstance(self.network, DistributedDataParallel) and not is_last
        with self.network.no_sync() if skips_sync else nullcontext():  # type: ignore[operator]
            with mixed_precision(images.device):
                logits = forward(images)
                loss = nn.functional.cross_entropy(
                    logits, labels, label_smoothing=self.label_smoothing
                )
            if len(images) < count:
                loss = loss * (len(images) / count)
            loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()


def training_step(
    network: nn.Module,
    recipe: Recipe,
    between_parts: Callable[[], None] = _nothing,
    uses_graphs: bool = True,
) -> TrainingStep | GraphStep:
    """Return the step of a recipe, with a new optimizer; on a GPU it runs as CUDA graphs.

    Weight decay applies to kernels only, not to biases and batch normalisation.
    """
    kernels = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [
        {"params": kernels, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    step = TrainingStep(
        network.train(),
        _optimizer(groups, recipe),
        recipe.label_smoothing,
        recipe.micro_batch,
        between_parts,
        compiled(network) if recipe.is_compiled else None,
    )
    is_on_gpu = next(network.parameters()).is_cuda
    # Processes that train together exchange gradients within the backward pass, which a graph would
    # have to hold as well.
    if not uses_graphs or not is_on_gpu or isinstance(network, DistributedDataParallel):
        return step
    make_capturable(step.optimizer)
    return GraphStep(step)


def compiled(network: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return the network as ``torch.compile`` makes it, which takes up to a minute.

    All our networks share the code of one ``forward``, and torch would take the ninth for a code
    that it should no longer compile, and run it eager without an error.
    """
    from torch._dynamo import config  # takes a second, and few trainings need it

    config.recompile_limit = config.accumulated_recompile_limit = 10**9
    config.fail_on_recompile_limit_hit = True
    function: Callable[[Tensor], Tensor] = torch.compile(network)
    return function


def step_without_learning(
    recipe: Recipe, network: nn.Module, micro_batch: int | None, uses_graphs: bool = True
) -> TrainingStep | GraphStep:
    """Make the recipe's step at learning rate 0, for step time: the same work, weights kept.

    Under ``functools.partial(step_without_learning, recipe)`` it is the factory of steps that
    :class:`reward.step_time.standalone.TimedNetwork` takes.
    """
    still = replace(recipe, learning_rate=0.0, micro_batch=micro_batch)
    return training_step(network, still, uses_graphs=uses_graphs)


def _optimizer(groups: list[dict[str, object]], recipe: Recipe) -> torch.optim.Optimizer:
    if recipe.optimizer == "rmsprop":
        return RMSPropTF(groups, lr=recipe.learning_rate)
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)
