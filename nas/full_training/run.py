"""Run a training: in this process, or with Ray in several; write its checkpoints and its curves."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from nas.devices import training_device
from nas.errors import ClusterLost, UserError
from nas.full_training import checkpoint
from nas.full_training.checkpoint import CheckpointError, TrainedNetwork
from nas.full_training.loggers import Logger, open_loggers
from nas.full_training.progress import (
    Begun,
    EpochEnded,
    Event,
    Listener,
    Progress,
    Saved,
    WorkerLost,
)
from nas.full_training.settings import Job
from nas.full_training.worker import run_worker
from nas.output import redirect_output
from nas.terminal import Terminal
from nas.training.distributed import World
from nas.versions import check_ray


def run_training(
    job: Job,
    workers: int = 1,
    log: tuple[str, ...] = (),
    progress_to_stderr: bool = False,
    address: str | None = None,
) -> TrainedNetwork:
    """Train to the end, from the last checkpoint if there is one, and return the best network.

    The processes run on this machine, or on the Ray cluster at ``address``. Progress is printed to
    stdout, or to stderr. ``log`` are names of loggers. A new training that fails before its first
    epoch has ended is removed, unless the cluster is lost.

    Raises:
        UserError: training ended early, or another training is running in the directory.
    """
    directory = job.directory
    go_on = f"nas train --resume {directory.path}" + (f" --address {address}" if address else "")
    try:
        with directory.lock(), ExitStack() as stack:
            listener = _listener(job, log, progress_to_stderr, stack)
            if workers == 1 and address is None:
                _train_here(job, listener)
            else:
                check_ray()
                from nas.full_training.ray_backend import train_on_workers  # imports Ray

                train_on_workers(job, workers, listener, address)
        return checkpoint.read_network(directory.best)
    except CheckpointError as error:
        raise UserError(str(error), exit_code=1) from error
    except ClusterLost as error:
        raise ClusterLost(f"{error}; go on with: {go_on}", exit_code=1) from error
    except UserError:
        directory.remove_unless_begun()
        raise


def _train_here(job: Job, listener: Listener) -> None:
    """Train in this process, on the GPU if there is one; Ray would take seconds to start.

    Raises:
        UserError: training ended early; the message is the cause.
    """
    run_worker(job, job.directory.read_last(), World(), training_device(), listener)


def _listener(
    job: Job, log: tuple[str, ...], progress_to_stderr: bool, stack: ExitStack
) -> Listener:
    """Return what writes the checkpoints, shows progress and logs until ``stack`` is closed."""
    directory = job.directory
    terminal = stack.enter_context(redirect_output(directory.path / "ray.log", progress_to_stderr))
    console = Terminal(file=terminal)
    progress = Progress(console, job.metric.metric)
    epoch_logging = _EpochLogging(log, job, lambda text: console.print(text, highlight=False))
    stack.callback(epoch_logging.close)
    stack.enter_context(progress.shown())

    def listener(event: Event) -> None:
        if isinstance(event, Saved):
            directory.save(event)
            return
        if isinstance(event, WorkerLost):
            sys.stderr.write(f"{event.detail}\n")  # goes to ray.log
        progress(event)
        epoch_logging(event)

    return listener


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
            path, done = self.job.directory.path, event.rows[-1].epoch if event.rows else 0
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
