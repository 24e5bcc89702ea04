"""The training loop, shared by proxy training in a search and by full training."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from nas.data.images import Images
from nas.errors import Diverged
from nas.metrics.metric_function import ACCURACY, MetricFunction
from nas.training.augmentation import augmented
from nas.training.distributed import World, set_seed, unwrapped
from nas.training.ema import EMA, BatchStatistics
from nas.training.graphs import GraphStep
from nas.training.optimizers import (
    learning_rate_factor,
    make_capturable,
    make_plain,
    set_learning_rate,
)
from nas.training.recipes import (
    Recipe,
    TrainingStage,
    count_steps,
    epoch_stages,
    steps_in_stage,
)
from nas.training.step import Part, TrainingStep, training_step
from nas.training.validation import Portion, Validated, validate
from reward.step_time.measurement import TimeLimitExceeded

RunStep = Callable[[TrainingStep | GraphStep, Tensor, Tensor], Tensor]

_STEPS_BETWEEN_CHECKS = 64  # of the loss


@dataclass(frozen=True)
class Epoch:
    """The result of an epoch: its number from 1, the mean training loss, the accuracy in [0, 1].

    Where only every so many epochs are validated, it stands for those since the one before: the
    mean of their losses, and all their ``images`` and seconds. ``accuracy`` is the value of the
    training's metric, which is accuracy unless another is asked for. ``effective_images`` is of how
    many images a share would be as noisy; None except after the last epoch, if it was asked for.
    ``learning_rate`` is that of the last step. ``images`` is the number of images that all
    processes together trained on in ``training_s`` seconds.
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
    effective_images: float | None = None

    @property
    def images_per_s(self) -> float:
        """The rate of training, without validation."""
        return self.images / self.training_s


def total_steps(images: Images, recipe: Recipe, seed: int = 0) -> int:
    """Return the number of training steps; a last batch that is not full is skipped."""
    return count_steps(epoch_stages(recipe, len(images), images.size, seed), len(images))


def _ignore_step(step: int, count: int) -> None:
    """Do nothing after a step."""


def _ignore_epoch() -> None:
    """Do nothing after an epoch."""


@dataclass(frozen=True)
class _Trained:
    """What was trained since the last validation: the sum of the steps' losses, steps, seconds."""

    losses: float = 0.0
    steps: int = 0
    images: int = 0
    seconds: float = 0.0

    def __add__(self, other: _Trained) -> _Trained:
        return _Trained(
            self.losses + other.losses,
            self.steps + other.steps,
            self.images + other.images,
            self.seconds + other.seconds,
        )


class Training:
    """The training of one network, epoch by epoch, which can be interrupted and resumed.

    The network is trained in place, on the device of the images. It may be any ``nn.Module`` that
    maps images (N, C, H, W) of any size to logits (N, classes). The metric is measured
    with :attr:`ema`, and that is the network to keep.

    Several processes each make a Training with their place in ``world``, a network wrapped in
    ``DistributedDataParallel``, and the same data, recipe and seed.
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
        on_step: Callable[[int, int], None] = _ignore_step,
        run_step: RunStep | None = None,
        uses_graphs: bool = True,
        metric: MetricFunction = ACCURACY,
        measures_noise: bool = False,
        validate_every: int = 1,
        on_epoch: Callable[[], None] = _ignore_epoch,
    ) -> None:
        """Args:
        seed: decides all of training's randomness, torch's global generators included.
        deadline: in seconds of ``time.monotonic()``.
        on_step: called after each step with its number in the epoch, from 1, and the number of
            steps in the epoch.
        run_step: runs a step on a whole batch, images (N, C, H, W) and their labels, and returns
            its loss; None runs it on one part after another, which takes less memory.
        uses_graphs: whether a GPU runs steps as CUDA graphs, where they can be captured.
        metric: validates each epoch, and decides which is the best.
        measures_noise: whether the metric's noise is measured after the last epoch.
        validate_every: how many epochs there are to a validation; the first and the last epoch are
            always validated.
        on_epoch: called after each epoch that is not validated; :meth:`state_dict` may be called.
        """
        self.network = network
        self.recipe = recipe
        self.epochs_done = 0
        self.best_accuracy = -math.inf
        self._epochs_since_best = 0
        self._training, self._validation = training, validation
        self._seed, self._deadline = seed, deadline
        self._world = world or World()
        self._on_step, self._run_step = on_step, run_step
        self._metric, self._measures_noise = metric, measures_noise
        self._generator = torch.Generator().manual_seed(seed)
        self._norms = BatchStatistics(unwrapped(network))
        self._step = training_step(network, recipe, self._norms.update, uses_graphs)
        self._stages = epoch_stages(recipe, len(training), training.size, seed)
        self._ema = EMA(unwrapped(network), sources=self._norms.averages)
        self._portion = Portion.of(validation, recipe.micro_batch)
        self._losses = LossWatch(training.device)
        self._stage_number: int | None = None
        self._validate_every, self._on_epoch = validate_every, on_epoch
        self._since_validation = _Trained()
        self._rate = 0.0

    @property
    def ema(self) -> nn.Module:
        """The network with the averaged weights and buffers, in evaluation mode."""
        return self._ema.network

    def epochs(self) -> Iterator[Epoch]:
        """Train the epochs that are left, and yield each one that is validated.

        Raises:
            Diverged: the loss became NaN or infinite.
            TimeLimitExceeded: the deadline passed.
            MetricError: a user's metric has no value from 0 to 1.
        """
        while self.epochs_done < self.recipe.epochs and not self._is_stalled():
            self._since_validation += self._train_epoch()
            if self._is_validated(self.epochs_done + 1):
                yield self._validated_epoch()
            else:
                self._count_epoch()
                self._on_epoch()

    def _is_validated(self, epoch: int) -> bool:
        """Whether an epoch, from 1, is validated."""
        return epoch in (1, self.recipe.epochs) or epoch % self._validate_every == 0

    def _train_epoch(self) -> _Trained:
        recipe, stage, training = self.recipe, self._stages[self.epochs_done], self._training
        count = len(training) // stage.batch_size
        set_seed(self._seed, self.epochs_done, self._world.rank)
        self._begin_stage(stage)
        self.network.train()
        order = torch.randperm(len(training), generator=self._generator)
        positions, batch_size = self._world.shard(order, stage.batch_size)
        averaged = steps_in_stage(self._stages, self.epochs_done, len(training))
        self._norms.begin(averaged, parts=-(-batch_size // (recipe.micro_batch or batch_size)))
        losses, rate = torch.zeros((), device=training.device), 0.0
        start = time.perf_counter()
        for i, (pixels, labels) in enumerate(training.batches(positions, batch_size)):
            if time.monotonic() > self._deadline:
                raise TimeLimitExceeded(f"in epoch {self.epochs_done + 1} of {recipe.epochs}")
            progress = (self.epochs_done * count + i + 0.5) / (recipe.epochs * count)
            factor = learning_rate_factor(progress, recipe.warmup, recipe.decays)
            rate = recipe.learning_rate * factor * stage.learning_rate_scale
            set_learning_rate(self._step.optimizer, rate)
            losses += self._train_on(pixels, labels, stage)
            self._norms.update()
            self._ema.update(averaged + i)
            self._on_step(i + 1, count)
            if (i + 1) % _STEPS_BETWEEN_CHECKS == 0:
                self._check_finite(self._losses.earlier(losses))
        self._norms.end()
        loss = float(self._world.mean(losses))
        seconds = time.perf_counter() - start
        self._check_finite(loss / count)
        self._world.sync_buffers(self.ema)
        self._rate = rate
        return _Trained(loss, count, count * batch_size * self._world.size, seconds)

    def _validated_epoch(self) -> Epoch:
        """Validate after an epoch, and return what was trained since the last validation."""
        trained, self._since_validation = self._since_validation, _Trained()
        stage, start = self._stages[self.epochs_done], time.perf_counter()
        validated = self._validated()
        self._count_epoch(validated.value)
        return Epoch(
            number=self.epochs_done,
            loss=trained.losses / trained.steps,
            accuracy=validated.value,
            effective_images=validated.effective_images,
            learning_rate=self._rate,
            image_size=stage.image_size,
            batch_size=stage.batch_size,
            images=trained.images,
            training_s=trained.seconds,
            validation_s=time.perf_counter() - start,
        )

    def _validated(self) -> Validated:
        is_last = self.epochs_done + 1 == self.recipe.epochs
        return validate(
            self.ema,
            self._validation,
            self._metric,
            self._portion,
            self._world,
            with_noise=self._measures_noise and is_last,
        )

    def _begin_stage(self, stage: TrainingStage) -> None:
        """Set what stays the same in all epochs of a stage; a CUDA graph holds it."""
        if stage.number == self._stage_number:
            return
        self._stage_number = stage.number
        set_dropout(self.network, stage.dropout)
        if isinstance(self._step, GraphStep):
            self._step.forget()

    def _train_on(self, pixels: Tensor, labels: Tensor, stage: TrainingStage) -> Tensor:
        """Train on a batch of uint8 images (N, C, H, W); return its loss.

        It is augmented in the parts in which it is trained, as floats take four times the memory.
        """
        parts = (
            augmented(*part, self._training, self.recipe, stage)
            for part in self._step.parts(pixels, labels)
        )
        if self._run_step is None:
            return self._step.run(parts, len(pixels))
        return self._run_step(self._step, *joined(parts))

    def _check_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise Diverged(f"loss {loss} in epoch {self.epochs_done + 1}")

    def _count_epoch(self, reached: float = -math.inf) -> None:
        """Count an epoch that is over, with the accuracy that it reached if it was validated.

        A new image size starts the count of epochs without a better accuracy again.
        """
        self.epochs_done += 1
        self._epochs_since_best += 1
        if reached > self.best_accuracy:
            self.best_accuracy, self._epochs_since_best = reached, 0
        upcoming = self._stages[self.epochs_done - 1 : self.epochs_done + 1]
        if upcoming[0].number != upcoming[-1].number:
            self._epochs_since_best = 0

    def _is_stalled(self) -> bool:
        patience = self.recipe.patience
        if patience is None or not self._is_validated(self.epochs_done):
            return False
        return self._epochs_since_best >= patience

    def state_dict(self) -> dict[str, Any]:
        """Return the state that a training of the same network, data, recipe and seed resumes from.

        It is to be called between two epochs. On a CPU the resumed training gives the same results,
        to the last bit, as an uninterrupted one.
        """
        return {
            "epochs_done": self.epochs_done,
            "best_accuracy": self.best_accuracy,
            "epochs_since_best": self._epochs_since_best,
            "since_validation": asdict(self._since_validation),
            "network": unwrapped(self.network).state_dict(),
            "average": self.ema.state_dict(),
            "optimizer": self._step.optimizer.state_dict(),
            "generator": self._generator.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume from a state that :meth:`state_dict` returned."""
        self.epochs_done = state["epochs_done"]
        self.best_accuracy = state["best_accuracy"]
        self._epochs_since_best = state["epochs_since_best"]
        # Not in the checkpoints of earlier releases, which were written after a validation.
        self._since_validation = _Trained(**state.get("since_validation", {}))
        unwrapped(self.network).load_state_dict(state["network"])
        self.ema.load_state_dict(state["average"])
        self._step.optimizer.load_state_dict(state["optimizer"])
        if isinstance(self._step, GraphStep):
            make_capturable(self._step.optimizer)
            self._step.forget()
        else:
            make_plain(self._step.optimizer)
        self._generator.set_state(state["generator"].cpu())


class LossWatch:
    """Tells the sum of the losses at an earlier moment, so that nothing waits for the GPU."""

    def __init__(self, device: torch.device) -> None:
        self._is_on_gpu = device.type == "cuda"
        self._copied: tuple[Tensor, torch.cuda.Event] | None = None

    def earlier(self, losses: Tensor) -> float:
        """Return the sum as it was at the last call, or 0; on a CPU as it is."""
        if not self._is_on_gpu:
            return float(losses)
        before, self._copied = self._copied, self._copy(losses)
        if before is None:
            return 0.0
        before[1].synchronize()  # which it has passed long ago
        return float(before[0])

    def _copy(self, losses: Tensor) -> tuple[Tensor, torch.cuda.Event]:
        copied = torch.empty((), pin_memory=True)
        copied.copy_(losses, non_blocking=True)
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record()
        return copied, event


def joined(parts: Iterable[Part]) -> Part:
    """Return the parts of a batch as one, channels last."""
    images, labels = zip(*parts, strict=True)
    if len(images) == 1:
        return images[0], labels[0]
    whole = torch.cat(images).contiguous(memory_format=torch.channels_last)
    return whole, torch.cat(labels)


def set_dropout(network: nn.Module, rate: float | None) -> None:
    """Set the rate of every ``nn.Dropout`` in the network; None leaves the rates unchanged.

    timm's networks have a number ``drop_rate`` instead, for the dropout before their classifier.
    """
    if rate is None:
        return
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = rate
        elif isinstance(getattr(module, "drop_rate", None), float):
            module.drop_rate = rate  # type: ignore[assignment]
