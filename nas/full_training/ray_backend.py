"""Ray Train: it starts the processes of a training, joins them, and starts them again.

One process is Ray Train's local mode: the loop runs in this very process, without a cluster, whose
start alone takes 10 to 30 seconds on two cores. Several processes are a Ray cluster on this
machine, or on several that share the training's directory.
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
    """Trains in this process, on a GPU where there is one.

    Raises:
        UserError: what ended training before its end.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def worker() -> None:
        run_worker(job, World(), device, listener)

    logging.getLogger("ray.train").setLevel(logging.WARNING)
    TorchTrainer(worker, scaling_config=train.ScalingConfig(num_workers=0)).fit()


def train_on_workers(job: Job, workers: int, listener: Listener) -> None:
    """Trains in so many processes, with a GPU each where there are any.

    A process that dies is started again, :data:`LOST_WORKER_TRIES` times at most, and with it all
    others, from the last checkpoint.

    Raises:
        UserError: more workers than the machine has GPUs or cores, or what ended training.
    """
    job = replace(job, directory=TrainDirectory(job.directory.path.absolute()))
    scratch = Path(tempfile.mkdtemp(prefix="nas-train-"))
    try:
        with _started() as cluster:
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
                    callbacks=[_Losses(queue)],  # type: ignore[list-item]
                ),
            )
            _listen(trainer.fit, queue, listener)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def _started() -> Iterator[Cluster]:
    """Ray on this machine; UserError where it does not start, as on one that is too busy."""
    with ExitStack() as stack:
        try:
            cluster = stack.enter_context(ray_cluster(None))
        except Exception as error:
            text = " ".join(str(error).split())[:200]
            raise UserError(
                f"--workers: Ray does not start ({text}); a single process needs none",
                exit_code=1,
            ) from error
        yield cluster


def _worker(config: dict[str, Any]) -> None:
    """Runs in each process. What a new try would meet again is told, and not raised."""
    queue: Queue = config["queue"]
    job: Job = ray.get(config["job"][0])
    context = train.get_context()
    world = World(context.get_world_rank(), context.get_world_size())
    try:
        run_worker(job, world, train.torch.get_device(), _teller(queue, world))
    except UserError as error:
        queue.put(error)
        # Others wait for this process, and it for them: the driver ends them all.
        threading.Event().wait()


def _teller(queue: Queue, world: World) -> Listener:
    """The first process speaks for all."""

    def tell(event: Event) -> None:
        if world.rank == 0:
            queue.put(event)

    return tell


class _Losses(train.UserCallback):
    """Tells why the processes are started again; lives in Ray Train's controller."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def after_exception(self, run_context: Any, worker_exceptions: dict[int, Exception]) -> None:
        """One or more processes died or raised."""
        lost = (f"worker {rank}: {error}" for rank, error in sorted(worker_exceptions.items()))
        self._queue.put(WorkerLost("\n".join(lost)))


def _listen(fit: Callable[[], Any], queue: Queue, listener: Listener) -> None:
    """Hands on what the queue brings until ``fit``, which waits in a thread, returns or raises.

    So Ctrl-C comes to this thread, and ends the wait at once.
    """
    errors: list[BaseException] = []

    def wait() -> None:
        try:
            fit()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=wait, name="ray-train", daemon=True)
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
    what = "GPU" if cluster.has_gpus else "core"
    most = min(cluster.capacity, batch_size)
    if workers > most:
        raise UserError(
            f"--workers: got {workers}, must be from 1 to {most}: there are {cluster.capacity} "
            f"{what}s, and {batch_size} images in a batch"
        )


@dataclass
class _Curves:
    """Hands every epoch to the loggers; one that fails is left out from there on, and said."""

    names: tuple[str, ...]
    job: Job
    say: Callable[[str], None]
    open: dict[str, Logger] = field(default_factory=dict)

    def __call__(self, event: Event) -> None:
        """Opens the loggers when training begins."""
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
                    self.say(f"--log: {name} ends here: {' '.join(str(error).split())[:200]}")
                    del self.open[name]

    def close(self) -> None:
        """Lets every logger finish."""
        for logger in self.open.values():
            logger.close()


def run_training(
    job: Job,
    workers: int = 1,
    log: tuple[str, ...] = (),
    progress_to_stderr: bool = False,
) -> TrainedNetwork:
    """Trains to the end, or on from the last checkpoint, and returns the best network.

    Progress is printed on stdout or stderr.

    Raises:
        UserError: what ended training before, or another training in the directory.
    """
    directory = job.directory
    with directory.lock(), ExitStack() as stack:
        terminal = stack.enter_context(
            redirect_output(directory.path / "ray.log", progress_to_stderr)
        )
        console = SteadyConsole(file=terminal)
        progress = Progress(console)
        curves = _Curves(log, job, lambda text: console.print(text, highlight=False))
        stack.callback(curves.close)
        stack.enter_context(progress.shown())
        pass

        def listener(event: Event) -> None:
            if isinstance(event, WorkerLost):
                sys.stderr.write(f"{event.detail}\n")  # which is the log
            progress(event)
            curves(event)

        if workers == 1:
            train_here(job, listener)
        else:
            train_on_workers(job, workers, listener)
    try:
        return checkpoint.read_network(directory.best)
    except CheckpointError as error:
        raise UserError(str(error), exit_code=1) from error
