"""One process of a training: it loads, trains, and the first one of all writes the checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from nas.data.images import Images, images_on_device
from nas.errors import Diverged, UserError
from nas.full_training import checkpoint
from nas.full_training.checkpoint import CheckpointError, Normalization, TrainedNetwork
from nas.full_training.loggers import CurveRow, row_of, write_curve
from nas.full_training.progress import Begun, EpochEnded, Listener, Stepped
from nas.full_training.settings import Job
from nas.training.distributed import World
from nas.training.ema import NORM_MOMENTUM, averaging_momentum
from nas.training.loop import Training, averaging_steps
from nas.training.recipes import Recipe, TrainingStage, epoch_stages
from nas.training.step import step_without_learning

from reward.step_time.clocks import to_channels_last
from reward.step_time.memory_and_latency import is_out_of_memory
from reward.step_time.standalone import TimedNetwork
from search_space.network import Network


def run_worker(job: Job, world: World, device: torch.device, tell: Listener) -> None:
    """Trains to the end, from the last checkpoint where there is one.

    Raises:
        UserError: what ended training before, in one line for people.
    """
    settings, path = job.settings, job.directory.path
    try:
        _train(job, world, device, tell)
    except CheckpointError as error:
        raise UserError(f"--resume: {error}", exit_code=1) from error
    except Diverged as error:
        kept = f"the epochs before are kept in {path}; " if job.directory.last.exists() else ""
        raise UserError(
            f"training diverged: {error}; {kept}a smaller --batch-size than "
            f"{settings.batch_size} trains at a smaller learning rate",
            exit_code=1,
        ) from error
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror or error}); "
            f"the checkpoint before is kept; go on with: nas train --resume {path}",
            exit_code=1,
        ) from error
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(
            f"out of memory in training: --batch-size: got {settings.batch_size}, "
            "must be smaller; or a smaller --image-size or --micro-batch",
            exit_code=1,
        ) from error


def _train(job: Job, world: World, device: torch.device, tell: Listener) -> None:
    images, minival = images_on_device(job.data, device)
    seed, recipe = job.settings.seed, job.recipe
    of = epoch_stages(recipe, len(images), images.size, seed)
    build = partial(_network, job, images, device)
    recipe = replace(recipe, micro_batch=fitting_micro_batch(build, images, recipe, of, world))
    network = build()
    if world.size > 1:
        network = DistributedDataParallel(network)
    steps = Steps(tell)
    training = Training(network, images, minival, recipe, seed, world=world, on_step=steps)
    rows: list[CurveRow] = []
    if job.directory.last.exists():
        state = checkpoint.read_training(job.directory.last)
        training.load_state_dict(state["loop"])
        rows = [CurveRow(**row) for row in state["rows"]]
    work = tuple(float(stage.image_size**2) for stage in of)
    tell(Begun(tuple(rows), work, device_name(device), world.size))
    best, done = training.best_accuracy, training.epochs_done
    steps.begin(of[min(done, len(of) - 1)].batch_size)
    for epoch in training.epochs():
        is_best = epoch.accuracy > best
        best = max(best, epoch.accuracy)
        rows.append(row_of(epoch))
        if world.rank == 0:
            _save(job, training, images, rows, is_best)
        tell(EpochEnded(rows[-1], is_best))
        if epoch.number < recipe.epochs:
            steps.begin(of[epoch.number].batch_size)


def _network(job: Job, images: Images, device: torch.device) -> nn.Module:
    """The network on the device, its weights decided by the seed or read from elsewhere."""
    settings, recipe, file = job.settings, job.recipe, job.settings.file
    torch.manual_seed(settings.seed)
    steps = averaging_steps(images, recipe, settings.seed)
    network = Network(
        file.architecture,
        classes=file.task.classes,
        in_channels=file.task.in_channels,
        dropout=recipe.dropout,
        survival=recipe.survival,
        norm_momentum=averaging_momentum(NORM_MOMENTUM, steps),
    )
    if job.pretrained is not None:
        network.load_state_dict(dict(job.pretrained.weights), strict=False)
    return to_channels_last(network, device)


def _save(
    job: Job, training: Training, images: Images, rows: list[CurveRow], is_best: bool
) -> None:
    """The best first: killed in between, the epoch is trained again and comes to the same."""
    trained = _trained(job, training, images, rows[-1])
    state = {"loop": training.state_dict(), "rows": [asdict(row) for row in rows]}
    if is_best:
        checkpoint.write(job.directory.best, trained)
    checkpoint.write(job.directory.last, trained, state)
    write_curve(job.directory.path, rows)


def _trained(job: Job, training: Training, images: Images, row: CurveRow) -> TrainedNetwork:
    weights = {key: value.cpu() for key, value in training.ema.state_dict().items()}
    mean, std = (tuple(values.flatten().tolist()) for values in (images.mean, images.std))
    return TrainedNetwork(
        file=job.settings.file,
        weights=weights,
        normalization=Normalization(mean, std),
        data=job.settings.data,
        epoch=row.epoch,
        accuracy=row.accuracy,
        class_names=job.data.class_names,
    )


EVERY_S = 0.25


class Steps:
    """Hears of every step, and tells the listener now and then at what rate they go by."""

    def __init__(self, tell: Listener) -> None:
        self._tell = tell
        self._batch_size = 0
        self._start = self._told = 0.0

    def begin(self, batch_size: int) -> None:
        """An epoch of batches of so many images, over all processes, is about to begin."""
        self._batch_size = batch_size
        self._start = self._told = time.monotonic()

    def __call__(self, step: int, count: int) -> None:
        """``step``, from 1, of ``count`` in the epoch is done."""
        now = time.monotonic()
        if now - self._told < EVERY_S:
            return
        self._told = now
        self._tell(Stepped(step, count, step * self._batch_size / (now - self._start)))


def device_name(device: torch.device) -> str:
    """What people call the device."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"


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
    twin = _with_made_images(build(), images, recipe, own, heaviest.image_size)
    found = twin.fitting_step().micro_batch or own
    del twin
    torch.cuda.empty_cache()
    least = int(world.least(torch.tensor(found, device=images.device)))
    return None if least >= own else least


def _with_made_images(
    network: nn.Module, images: Images, recipe: Recipe, count: int, size: int
) -> TimedNetwork:
    """Return the network with ``count`` made images of ``size`` pixels, as a batch has."""
    channels = images.pixels.shape[1]
    made = torch.zeros(count, channels, size, size, device=images.device)
    labels: Tensor = torch.zeros(count, dtype=torch.int64, device=images.device)
    if images.labels.ndim > 1:  # targets, as of images of several classes
        labels = torch.full((count, images.classes), 1 / images.classes, device=images.device)
    batch = made.contiguous(memory_format=torch.channels_last)
    return TimedNetwork(network, batch, labels, partial(step_without_learning, recipe))
