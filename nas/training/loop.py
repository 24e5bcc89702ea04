"""The training loop, the same for a candidate's ten epochs and for a winner's hundreds."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from nas.data.images import Images
from nas.errors import Diverged
from nas.training.augmentation import augmented
from nas.training.distributed import World, set_seed, unwrapped
from nas.training.ema import EMA, EMA_MOMENTUM, averaging_momentum
from nas.training.optimizers import learning_rate_factor
from nas.training.recipes import Recipe, last_of_one_size, stages, steps
from nas.training.step import TrainingStep, training_step
from reward.step_time.clocks import mixed_precision
from reward.step_time.measurement import TimeLimitExceeded

_CHECKED_EVERY = 64  # steps; a look at the loss waits for a GPU


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to: its number from 1, mean training loss, accuracy in [0, 1].

    The learning rate is the last step's; ``images`` were trained on, by all processes together, in
    ``training_s``, validation apart.
    """

    number: int
    loss: float
    accuracy: float
    learning_rate: float
    image_size: int
    batch_size: int
    images: int
    training_s: float = field(compare=False)
    validation_s: float = field(compare=False)

    @property
    def images_per_s(self) -> float:
        """The rate of training, validation apart."""
        return self.images / self.training_s


def total_steps(images: Images, recipe: Recipe, seed: int = 0) -> int:
    """The number of training steps; a last batch that is not full is left out of each epoch."""
    return steps(stages(recipe, len(images), images.size, seed), len(images))


def averaging_steps(images: Images, recipe: Recipe, seed: int = 0) -> int:
    """The steps that running averages have to forget what was before: those of the last size."""
    of = stages(recipe, len(images), images.size, seed)
    return steps(last_of_one_size(of), len(images))


def _nothing(step: int, count: int) -> None:
    """Listens to no step."""


def run_untimed(step: TrainingStep, images: Tensor, labels: Tensor) -> Tensor:
    """Runs the step and does nothing else."""
    return step(images, labels)


class Training:
    """One network's training, epoch by epoch, which can be put down and taken up again.

    The network is trained in place, on the device where the images' batches are; any nn.Module
    that maps images of any size to logits will do. ``average`` is the network of averaged weights
    and buffers, which accuracy is measured with and which is to be kept.

    With several processes every one makes its own Training with its place in ``world``, of a
    network wrapped in ``DistributedDataParallel`` and the same data, recipe and seed.
    """

    def __init__(
        self,
        network: nn.Module,
        training: Images,
        validation: Images,
        recipe: Recipe,
        seed: int,
        deadline: float = math.inf,
        world: World | None = None,
        on_step: Callable[[int, int], None] = _nothing,
        run_step: Callable[[TrainingStep, Tensor, Tensor], Tensor] = run_untimed,
    ) -> None:
        """``seed`` decides all of training's randomness, torch's global generators included.
        ``deadline`` is in ``time.monotonic()``'s seconds. ``on_step`` hears after each step its
        number in the epoch, from 1, and the epoch's number of steps. ``run_step`` runs each
        step, on (N, C, H, W) images and their labels, and returns its loss."""
        self.network = network
        self.recipe = recipe
        self.epochs_done = 0
        self.best_accuracy = -math.inf
        self._epochs_since_best = 0
        self._training, self._validation = training, validation
        self._seed, self._deadline = seed, deadline
        self._world = world or World()
        self._on_step, self._run_step = on_step, run_step
        self._generator = torch.Generator().manual_seed(seed)
        self._step = training_step(network, recipe)
        self._stages = stages(recipe, len(training), training.size, seed)
        momentum = averaging_momentum(EMA_MOMENTUM, averaging_steps(training, recipe, seed))
        self._average = EMA(unwrapped(network), momentum)

    @property
    def ema(self) -> nn.Module:
        """The network of averaged weights and buffers, in evaluation mode."""
        return self._average.network

    def epochs(self) -> Iterator[Epoch]:
        """The epochs that are left, each yielded when it is over.

        Raises:
            Diverged: the loss became NaN or infinite.
            TimeLimitExceeded: the deadline passed.
        """
        while self.epochs_done < self.recipe.epochs and not self._is_stalled():
            yield self._epoch()

    def _epoch(self) -> Epoch:
        recipe, stage, training = self.recipe, self._stages[self.epochs_done], self._training
        count = len(training) // stage.batch_size
        set_seed(self._seed, self.epochs_done, self._world.rank)
        set_dropout(self.network, stage.dropout)
        self.network.train()
        order = torch.randperm(len(training), generator=self._generator)
        own, own_batch = self._world.share(order, stage.batch_size)
        losses, rate = torch.zeros((), device=training.device), 0.0
        start = time.perf_counter()
        for i, (images, labels) in enumerate(training.batches(own, own_batch)):
            if time.monotonic() > self._deadline:
                raise TimeLimitExceeded(f"in epoch {self.epochs_done + 1} of {recipe.epochs}")
            images, labels = augmented(images, labels, training, recipe, stage, self._generator)
            progress = (self.epochs_done * count + i + 0.5) / (recipe.epochs * count)
            share = learning_rate_factor(progress, recipe.warmup, recipe.decays)
            rate = recipe.learning_rate * share * stage.rate
            for group in self._step.optimizer.param_groups:
                group["lr"] = rate
            losses += self._run_step(self._step, images, labels)
            self._average.update()
            self._on_step(i + 1, count)
            if (i + 1) % _CHECKED_EVERY == 0:
                self._check(float(losses))
        loss = float(self._world.mean(losses)) / count
        trained = time.perf_counter()
        self._check(loss)
        self._world.agree(self.ema)
        reached = accuracy(self.ema, self._validation, world=self._world)
        self._note(reached)
        return Epoch(
            number=self.epochs_done,
            loss=loss,
            accuracy=reached,
            learning_rate=rate,
            image_size=stage.image_size,
            batch_size=stage.batch_size,
            images=count * own_batch * self._world.size,
            training_s=trained - start,
            validation_s=time.perf_counter() - trained,
        )

    def _check(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise Diverged(f"loss {loss} in epoch {self.epochs_done + 1}")

    def _note(self, reached: float) -> None:
        """An epoch is over. A new image size begins a new count of epochs without a better one."""
        self.epochs_done += 1
        self._epochs_since_best += 1
        if reached > self.best_accuracy:
            self.best_accuracy, self._epochs_since_best = reached, 0
        upcoming = self._stages[self.epochs_done - 1 : self.epochs_done + 1]
        if upcoming[0].number != upcoming[-1].number:
            self._epochs_since_best = 0

    def _is_stalled(self) -> bool:
        patience = self.recipe.patience
        return patience is not None and self._epochs_since_best >= patience

    def state_dict(self) -> dict[str, Any]:
        """All that a training of the same network, data, recipe and seed goes on from.

        Taken between two epochs. On a CPU what follows is the same to the last bit as without a
        break.
        """
        return {
            "epochs_done": self.epochs_done,
            "best_accuracy": self.best_accuracy,
            "epochs_since_best": self._epochs_since_best,
            "network": unwrapped(self.network).state_dict(),
            "average": self.ema.state_dict(),
            "optimizer": self._step.optimizer.state_dict(),
            "generator": self._generator.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes back to, or on from, what :meth:`state_dict` returned."""
        self.epochs_done = state["epochs_done"]
        self.best_accuracy = state["best_accuracy"]
        self._epochs_since_best = state["epochs_since_best"]
        unwrapped(self.network).load_state_dict(state["network"])
        self.ema.load_state_dict(state["average"])
        self._step.optimizer.load_state_dict(state["optimizer"])
        self._generator.set_state(state["generator"].cpu())


def train(
    network: nn.Module,
    training: Images,
    validation: Images,
    recipe: Recipe,
    seed: int,
    deadline: float = math.inf,
) -> Iterator[Epoch]:
    """Trains the network in place and yields each epoch; see :class:`Training`."""
    return Training(network, training, validation, recipe, seed, deadline).epochs()


@torch.inference_mode()
def accuracy(
    network: nn.Module, images: Images, batch_size: int = 256, world: World | None = None
) -> float:
    """The share of the images of which the network puts first a label that they have, in [0, 1].

    Several processes take a share of the images each, and all get the accuracy on all of them.
    """
    network.eval()
    world = world or World()
    correct = torch.zeros((), dtype=torch.int64, device=images.device)
    own = torch.arange(world.rank, len(images), world.size)
    for batch, labels in images.batches(own, batch_size):
        batch = batch.contiguous(memory_format=torch.channels_last)
        with mixed_precision(batch.device):
            logits: Tensor = network(batch)
        first = logits.argmax(1)
        if labels.ndim == 1:
            correct += (first == labels).sum()
        else:
            correct += (labels.gather(1, first[:, None]) > 0).sum()
    return int(world.sum(correct)) / len(images)


def set_dropout(network: nn.Module, rate: float | None) -> None:
    """Gives every ``nn.Dropout`` of the network this rate; None leaves them as they are."""
    if rate is None:
        return
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = rate
