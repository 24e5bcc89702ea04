"""A process of a training: it trains, and the first of all processes hands out checkpoints."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from functools import partial

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from nas.data.images import Images, images_on_device
from nas.devices import remarks
from nas.errors import Diverged, MetricError, UserError
from nas.full_training import checkpoint
from nas.full_training.checkpoint import CheckpointError, Normalization, TrainedNetwork
from nas.full_training.fitting import fitting_micro_batch
from nas.full_training.loggers import CurveRow, row_of
from nas.full_training.progress import Begun, EpochEnded, EpochPassed, Listener, Saved, Stepped
from nas.full_training.settings import Job
from nas.training.distributed import World
from nas.training.ema import NORM_MOMENTUM
from nas.training.loop import Training, set_dropout
from nas.training.recipes import TrainingStage, epoch_stages
from reward.step_time.clocks import device_name, to_channels_last
from reward.step_time.memory_and_latency import is_out_of_memory
from search_space.network import Network

STEP_REPORT_INTERVAL_S = 0.25
CHECKPOINT_SHARE = 0.05  # of the time, for checkpoints between two validations


def run_worker(
    job: Job, last: bytes | None, world: World, device: torch.device, listener: Listener
) -> None:
    """Train to the end, and send events to the listener, which writes the checkpoints.

    ``last`` is the content of the last checkpoint, None to begin.

    Raises:
        UserError: training ended early; the message is the cause.
    """
    settings = job.settings
    rows: list[CurveRow] = []
    try:
        _train(job, last, rows, world, device, listener)
    except CheckpointError as error:
        raise UserError(f"--resume: {error}", exit_code=1) from error
    except Diverged as error:
        kept = f"the epochs before are kept in {job.directory.path}; " if rows else ""
        raise UserError(
            f"training diverged: {error}; {kept}a smaller --batch-size than "
            f"{settings.batch_size} trains at a smaller learning rate",
            exit_code=1,
        ) from error
    except MetricError as error:
        raise UserError(f"--metric: {error}", exit_code=1) from error
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(
            f"out of memory in training: --batch-size: got {settings.batch_size}, "
            "must be smaller; or a smaller --image-size or --micro-batch",
            exit_code=1,
        ) from error


def _train(
    job: Job,
    last: bytes | None,
    rows: list[CurveRow],
    world: World,
    device: torch.device,
    listener: Listener,
) -> None:
    """Train, and fill ``rows``."""
    images, minival = images_on_device(job.data, device)
    seed, recipe = job.settings.seed, job.recipe
    stages = epoch_stages(recipe, len(images), images.size, seed)
    build = partial(_network, job, images, device)
    micro_batch = fitting_micro_batch(build, images, recipe, stages, world)
    notes = [images.note] if images.note else []
    if micro_batch != recipe.micro_batch:
        notes.append(f"a batch does not fit on the GPU; {micro_batch} images are trained at a time")
    recipe = replace(recipe, micro_batch=micro_batch)
    network = build()
    if world.size > 1:
        # Buffers hold the statistics of the newest batch; their averages are kept beside them.
        network = DistributedDataParallel(network, broadcast_buffers=False)
    reporter = StepReporter(listener)
    checkpoints = _Checkpoints(rows, listener, reporter, world, stages)
    training = Training(
        network,
        images,
        minival,
        recipe,
        seed,
        world=world,
        on_step=reporter,
        metric=job.metric,
        validate_every=job.settings.validate_every,
        on_epoch=lambda: checkpoints(training),
    )
    if last is not None:
        state = checkpoint.training_state(last, job.directory.last)
        training.load_state_dict(state["loop"])
        rows += [CurveRow(**row) for row in state["rows"]]
        checkpoints.validated = checkpoint.network_of(last, job.directory.last)
    work = tuple(float(stage.image_size**2) for stage in stages)
    best, done = training.best_accuracy, training.epochs_done
    where = device_name(device)
    listener(Begun(tuple(rows), work, where, world.size, (*remarks(device), *notes), done))
    reporter.begin_epoch(stages[min(done, len(stages) - 1)].batch_size)
    for epoch in training.epochs():
        is_best = epoch.accuracy > best
        best = max(best, epoch.accuracy)
        rows.append(row_of(epoch))
        if world.rank == 0:
            checkpoints.validated = _trained_network(job, training, images, rows[-1])
            checkpoints.save(training, is_best)
        listener(EpochEnded(rows[-1], is_best))
        if epoch.number < recipe.epochs:
            reporter.begin_epoch(stages[epoch.number].batch_size)


def _network(job: Job, images: Images, device: torch.device) -> nn.Module:
    """Build the network on the device, with weights drawn from the seed or pretrained ones."""
    settings, recipe, file = job.settings, job.recipe, job.settings.file
    torch.manual_seed(settings.seed)
    network = Network(
        file.architecture,
        classes=file.task.classes,
        in_channels=file.task.in_channels,
        dropout=recipe.dropout,
        survival=recipe.survival,
        norm_momentum=NORM_MOMENTUM,
        operators=job.operators,
    )
    if file.architecture.network is not None:  # else it is the recipe's
        set_dropout(network, settings.recipe_options.get("dropout"))
    if job.pretrained is not None:
        network.load_state_dict(dict(job.pretrained.weights), strict=False)
    return to_channels_last(network, device)


@dataclass
class _Checkpoints:
    """Writes checkpoints: after each validation, and between two if epochs are not validated.

    A checkpoint holds the network of the last validation, whose accuracy is known, and the state of
    the newest epoch. Between validations it is written as often as it takes a twentieth of the
    time.
    """

    rows: list[CurveRow]
    listener: Listener
    reporter: StepReporter
    world: World
    stages: list[TrainingStage]
    validated: TrainedNetwork | None = None
    _due: float = 0.0

    def __call__(self, training: Training) -> None:
        """Count an epoch that is not validated, and write a checkpoint if it is due."""
        done = training.epochs_done
        if self.world.rank == 0 and time.monotonic() >= self._due:
            self.save(training)
        self.listener(EpochPassed(done))
        self.reporter.begin_epoch(self.stages[done].batch_size)

    def save(self, training: Training, is_best: bool = False) -> None:
        """Send the checkpoints, and reckon when the next one is due."""
        trained, start = self.validated, time.monotonic()
        assert trained is not None  # the first epoch is validated
        state = {"loop": training.state_dict(), "rows": [asdict(row) for row in self.rows]}
        best = checkpoint.encoded(trained) if is_best else None
        self.listener(Saved(tuple(self.rows), checkpoint.encoded(trained, state), best))
        now = time.monotonic()
        self._due = now + (now - start) / CHECKPOINT_SHARE


def _trained_network(job: Job, training: Training, images: Images, row: CurveRow) -> TrainedNetwork:
    # Copies, as training goes on before they are written for the last time.
    averages = training.ema.state_dict().items()
    weights = {key: value.detach().to("cpu", copy=True) for key, value in averages}
    mean, std = (tuple(values.flatten().tolist()) for values in (images.mean, images.std))
    return TrainedNetwork(
        file=job.settings.file,
        weights=weights,
        normalization=Normalization(mean, std),
        data=job.settings.data,
        epoch=row.epoch,
        accuracy=row.accuracy,
        metric=job.settings.metric,
        class_names=job.data.class_names,
        minival_split=job.data.minival_split,
        background=job.settings.background,
        min_per_class=job.settings.min_per_class,
        values=job.data.values,
    )


class StepReporter:
    """Reports the training rate to the listener, at most every 0.25 seconds."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._batch_size = 0
        self._epoch_start = self._last_report = 0.0

    def begin_epoch(self, batch_size: int) -> None:
        """Start to measure the rate of an epoch; ``batch_size`` is that of all processes."""
        self._batch_size = batch_size
        self._epoch_start = self._last_report = time.monotonic()

    def __call__(self, step: int, count: int) -> None:
        """Report that ``step``, from 1, of ``count`` steps in the epoch is done."""
        now = time.monotonic()
        if now - self._last_report < STEP_REPORT_INTERVAL_S:
            return
        self._last_report = now
        self._listener(Stepped(step, count, step * self._batch_size / (now - self._epoch_start)))
