"""What executes a search: the driver that it serves, and the executor in this process.

The other executor is :mod:`nas.search.ray_backend`; nothing here imports Ray.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import torch

from nas.devices import remarks, training_device
from nas.errors import DeviceLost
from nas.search.evaluator import DEVICE_ERROR, EvaluationSettings, Evaluator, failure
from nas.search.sharing import CONTEXT_BYTES, Probe
from results.candidate import Candidate, State
from reward.step_time.allocator import ALLOCATOR_SETTINGS, lacks_settings
from reward.step_time.lease import Lease

_POLL_S = 0.5


class Driver(Protocol):
    """Proposes candidates and receives them as they progress; all calls come from one thread."""

    def next_candidate(self) -> Candidate | None:
        """Return the next candidate to evaluate; None while there is none."""

    def is_finished(self) -> bool:
        """Return whether the run is to end."""

    def progressed(self, candidate: Candidate) -> bool:
        """Receive a candidate after a measurement or an epoch.

        Return True to stop it there; then :meth:`ended` is not called for it.
        """

    def ended(self, candidate: Candidate) -> None:
        """Receive a candidate that was evaluated, with success or not."""

    def lost(self, number: int, cause: str, detail: str) -> None:
        """Receive the number of a candidate that ended without a result, with the cause."""


class Evaluates(Protocol):
    """Evaluates one candidate after the other, as :class:`nas.search.evaluator.Evaluator` does."""

    def evaluate(self, candidate: Candidate) -> Iterator[Candidate]:
        """Yield the candidate as RUNNING while it progresses, and last as it ended."""


def load_evaluator(
    evaluation: EvaluationSettings,
    device: torch.device | None = None,
    lease: Lease | None = None,
) -> Evaluator:
    """Load the data onto the device, by default this process's, and build the backbone.

    On a CPU torch computes on one thread from now on, which step times are measured with. The
    ``lease`` is on the GPU, if several processes share it.
    """
    device = device or training_device()
    if device.type == "cpu":
        torch.set_num_threads(1)
    return Evaluator(evaluation, device, lease)


def probe(evaluation: EvaluationSettings, device: torch.device) -> Probe:
    """Load the data onto the GPU, as a worker does, and measure the backbone's step there."""
    free_bytes = torch.cuda.mem_get_info(device)[0] + CONTEXT_BYTES  # this process has one already
    torch.cuda.reset_peak_memory_stats(device)
    before_bytes = torch.cuda.memory_allocated(device)
    evaluator = load_evaluator(evaluation, device)
    # A candidate's step takes as much again: a CUDA graph keeps its memory to itself.
    peak_bytes = 2 * (torch.cuda.max_memory_allocated(device) - before_bytes)
    return Probe(free_bytes, peak_bytes + CONTEXT_BYTES, evaluator.reference_busy_share)


def run_here(
    driver: Driver,
    evaluation: EvaluationSettings,
    say: Callable[[str], None],
    load: Callable[[EvaluationSettings], Evaluates] = load_evaluator,
) -> None:
    """Evaluate the driver's candidates in this thread, one at a time, until it is finished.

    Nobody ends a candidate that hangs: its time limit is checked between two of its steps, and
    whether the run is to end after each report. ``say`` prints a line on what may disturb.

    Raises:
        DeviceLost: the GPU failed, and this process cannot use it any more.
        Exception: what the driver raised, or the loading of the data.
    """
    device = training_device()
    for remark in remarks(device):
        say(remark)
    if lacks_settings() and device.type == "cpu":
        settings = " ".join(f"{name}={value}" for name, value in ALLOCATOR_SETTINGS.items())
        say(f"step times are less exact in a process that was started without {settings}")
    with _threads_kept():
        evaluator = load(evaluation)
        while not driver.is_finished():
            candidate = driver.next_candidate()
            if candidate is None:
                time.sleep(_POLL_S)  # the driver waits for something
                continue
            _follow(driver, candidate.number, evaluator.evaluate(candidate))


def _follow(driver: Driver, number: int, reports: Iterator[Candidate]) -> None:
    """Pass a candidate's reports to the driver until it has ended, is stopped, or time is up."""
    while True:
        try:
            candidate = next(reports)
        except Exception as error:  # of the evaluator itself: the candidate's are reported
            driver.lost(number, *failure(error))
            return
        if candidate.state is not State.RUNNING:
            driver.ended(candidate)
            if candidate.cause == DEVICE_ERROR:
                raise DeviceLost(
                    f"this process cannot use the GPU any more ({candidate.detail})", exit_code=1
                )
            return
        if driver.progressed(candidate) or driver.is_finished():
            return


@contextmanager
def _threads_kept() -> Iterator[None]:
    """Give torch its threads back at the end, as a notebook goes on."""
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
