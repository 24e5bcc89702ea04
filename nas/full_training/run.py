"""Runs a prepared training: its processes, the terminal, and the curves for other tools."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from nas.chatter import chatter_to
from nas.errors import UserError
from nas.full_training import checkpoint
from nas.full_training.checkpoint import CheckpointError, TrainedNetwork
from nas.full_training.events import Begun, EpochEnded, Event, WorkerLost
from nas.full_training.loggers import Logger, open_loggers
from nas.full_training.progress import Progress
from nas.full_training.settings import Job
from nas.search.progress import SteadyConsole


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
        terminal = stack.enter_context(chatter_to(directory.path / "ray.log", progress_to_stderr))
        console = SteadyConsole(file=terminal)
        progress = Progress(console)
        curves = _Curves(log, job, lambda text: console.print(text, highlight=False))
        stack.callback(curves.close)
        stack.enter_context(progress.shown())
        from nas.full_training.ray_backend import train_here, train_on_workers

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
