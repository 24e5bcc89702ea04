"""Ray Train: starts the processes of a training, connects them, and restarts them after a crash.

One process uses Ray Train's local mode: the loop runs in this process, without a Ray cluster, which
takes 10 to 30 seconds to start on two cores. Several processes run in a Ray cluster on this
machine.
"""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import ray
import torch
from ray import train
from ray.train.torch import TorchConfig, TorchTrainer
from ray.util.queue import Empty, Queue

from nas.cluster import Cluster, ray_cluster
from nas.errors import UserError
from nas.full_training import checkpoint
from nas.full_training.checkpoint import CheckpointError, TrainedNetwork
from nas.full_training.loggers import Logger, open_loggers
from nas.full_training.progress import Begun, EpochEnded, Event, Listener, Progress, WorkerLost
from nas.full_training.settings import Job, TrainDirectory
from nas.full_training.worker import run_worker
from nas.search.progress import SteadyConsole, redirect_output
from nas.training.distributed import World

LOST_WORKER_TRIES = 3

_POLL_S = 0.5


def train_here(job: Job, listener: Listener) -> None:
    """Train in this process, on the GPU if there is one.

    Raises:
        UserError: training ended early; the message is the cause.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def worker() -> None:
        run_worker(job, World(), device, listener)

    logging.getLogger("ray.train").setLevel(logging.WARNING)
    TorchTrainer(worker, scaling_config=train.ScalingConfig(num_workers=0)).fit()


def train_on_workers(job: Job, workers: int, listener: Listener) -> None:
    """Train in ``workers`` processes, each with a GPU of its own if there are any.

    If a process dies, all of them are restarted from the last checkpoint, at most
    :data:`LOST_WORKER_TRIES` times.

    Raises:
        UserError: there are more workers than GPUs or cores, or training ended early.
    """
    job = replace(job, directory=TrainDirectory(job.directory.path.absolute()))
    scratch = Path(tempfile.mkdtemp(prefix="nas-train-"))
    try:
        with _started_cluster() as cluster:
            _check_workers(workers, cluster, job.recipe.batch_size)
            queue = Queue(actor_options={"num_cpus": 0})
            trainer = TorchTrainer(
                _worker,
                train_loop_config={"job": [ray.put(job)], "queue": queue},
                torch_config=TorchConfig(backend="nccl" if cluster.has_gpus else "gloo"),
                scaling_config=train.ScalingConfig(num_workers=workers, use_gpu=cluster.has_gpus),
                run_config=train.RunConfig(
                    storage_path=str(scratch),
                    failure_config=train.FailureConfig(max_failures=LOST_WORKER_TRIES),
                    callbacks=[_LostWorkerReport(queue)],  # type: ignore[list-item]
                ),
            )
            _listen(trainer.fit, queue, listener)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def _started_cluster() -> Iterator[Cluster]:
    """Start Ray on this machine.

    Raises:
        UserError: Ray does not start, for instance because the machine is too busy.
    """
    with ExitStack() as stack:
        try:
            cluster = stack.enter_context(ray_cluster(None))
        except Exception as error:
            text = " ".join(str(error).split())[:200]
            raise UserError(
                f"--workers: Ray does not start ({text}); --workers 1 works without it",
                exit_code=1,
            ) from error
        yield cluster


def _worker(config: dict[str, Any]) -> None:
    """Run the training in a worker process.

    An error that a restart would meet again is sent to the driver instead of raised.
    """
    queue: Queue = config["queue"]
    job: Job = ray.get(config["job"][0])
    context = train.get_context()
    world = World(context.get_world_rank(), context.get_world_size())
    try:
        run_worker(job, world, train.torch.get_device(), _event_sender(queue, world))
    except UserError as error:
        queue.put(error)
        # The other processes may be waiting for this one: the driver ends them all.
        threading.Event().wait()


def _event_sender(queue: Queue, world: World) -> Listener:
    """Return a listener that sends events to the driver, but only from the first process."""

    def send(event: Event) -> None:
        if world.rank == 0:
            queue.put(event)

    return send


class _LostWorkerReport(train.UserCallback):
    """Sends the cause of a restart to the driver; runs in Ray Train's controller."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def after_exception(self, run_context: Any, worker_exceptions: dict[int, Exception]) -> None:
        """Send the exceptions of the processes that died or raised."""
        lost = (f"worker {rank}: {error}" for rank, error in sorted(worker_exceptions.items()))
        self._queue.put(WorkerLost("\n".join(lost)))


def _listen(fit: Callable[[], Any], queue: Queue, listener: Listener) -> None:
    """Run ``fit`` in a thread, and pass the events in the queue to the listener until it ends.

    Ctrl-C then reaches this thread, which does not block, and ends the wait at once.

    Raises:
        UserError: a worker sent one, or ``fit`` raised.
    """
    errors: list[BaseException] = []

    def run() -> None:
        try:
            fit()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="ray-train", daemon=True)
    thread.start()
    while True:
        is_over = not thread.is_alive()
        try:
            event = queue.get(timeout=_POLL_S)
        except Empty:
            if is_over:
                break
            continue
        if isinstance(event, UserError):
            raise event
        listener(event)
    if errors:
        text = " ".join(str(errors[0]).split())[:300]
        raise UserError(f"Ray Train gave up: {text}", exit_code=1) from errors[0]


def _check_workers(workers: int, cluster: Cluster, batch_size: int) -> None:
    """Check that the cluster has a device for every worker, and the batch an image."""
    device = "GPU" if cluster.has_gpus else "core"
    most = min(cluster.capacity, batch_size)
    if workers > most:
        raise UserError(
            f"--workers: got {workers}, must be from 1 to {most}: there are {cluster.capacity} "
            f"{device}s, and {batch_size} images in a batch"
        )


@dataclass
class _EpochLogging:
    """Passes every epoch to the loggers; a logger that fails is reported and then left out."""

    names: tuple[str, ...]
    job: Job
    report: Callable[[str], None]
    open: dict[str, Logger] = field(default_factory=dict)

    def __call__(self, event: Event) -> None:
        """Open the loggers when training begins, and log every finished epoch."""
        if isinstance(event, Begun) and not self.open:
            settings = self.job.settings.to_json()
            path, done = self.job.directory.path, len(event.rows)
            self.open = dict(
                zip(self.names, open_loggers(self.names, path, settings, done), strict=True)
            )
        elif isinstance(event, EpochEnded):
            for name, logger in list(self.open.items()):
                try:
                    logger.log(event.row)
                except Exception as error:
                    text = " ".join(str(error).split())[:200]
                    self.report(f"--log: {name} failed and is not used any more: {text}")
                    del self.open[name]

    def close(self) -> None:
        """Close all loggers."""
        for logger in self.open.values():
            logger.close()


def run_training(
    job: Job,
    workers: int = 1,
    log: tuple[str, ...] = (),
    progress_to_stderr: bool = False,
) -> TrainedNetwork:
    """Train to the end, from the last checkpoint if there is one, and return the best network.

    Progress is printed to stdout, or to stderr. ``log`` are names of loggers.

    Raises:
        UserError: training ended early, or another training is running in the directory.
    """
    directory = job.directory
    with directory.lock(), ExitStack() as stack:
        terminal = stack.enter_context(
            redirect_output(directory.path / "ray.log", progress_to_stderr)
        )
        console = SteadyConsole(file=terminal)
        progress = Progress(console)
        epoch_logging = _EpochLogging(log, job, lambda text: console.print(text, highlight=False))
        stack.callback(epoch_logging.close)
        stack.enter_context(progress.shown())

        def listener(event: Event) -> None:
            if isinstance(event, WorkerLost):
                sys.stderr.write(f"{event.detail}\n")  # goes to ray.log
            progress(event)
            epoch_logging(event)

        if workers == 1:
            train_here(job, listener)
        else:
            train_on_workers(job, workers, listener)
    try:
        return checkpoint.read_network(directory.best)
    except CheckpointError as error:
        raise UserError(str(error), exit_code=1) from error
