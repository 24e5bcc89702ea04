"""Measure the engine's overhead: all but building, timing, training and validating a candidate.

python -m benchmarks.engine          # 200 candidates that do nothing, three times: about 2 minutes
python -m benchmarks.engine --workers 32 --seconds 1 --candidates 600   # workers that sleep
python -m benchmarks.engine --workers 256 --alone    # the driver's own cost, without Ray
python -m benchmarks.engine RUN      # the overhead of each candidate of a finished run
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import median

from nas.cluster import ray_cluster
from nas.data.load import load_search_data
from nas.output import redirect_output
from nas.run_directory import open_for_reading
from nas.search.driver import SearchDriver
from nas.search.evaluator import EvaluationSettings
from nas.search.failure_limit import FailureLimit
from nas.search.patient_record import PatientRecord
from nas.search.ray_backend import Worker, run_candidates
from nas.search.samplers.random import PermutationSampler
from nas.search.study import ProposalStudy
from nas.training.recipes import proxy
from results.candidate import Candidate, State
from results.database_url import sqlite_url
from results.record import Record
from reward.objective import Objective
from reward.step_time.clocks import device_name
from search_space.spaces import small


@dataclass(frozen=True)
class Sleeping:
    """An evaluator that sleeps for some seconds, and then completes the candidate."""

    seconds: float

    def evaluate(self, candidate: Candidate) -> Iterator[Candidate]:
        """Yield the completed candidate."""
        started_at = time.time()
        time.sleep(self.seconds)
        yield completed(candidate, started_at)


def completed(candidate: Candidate, started_at: float) -> Candidate:
    """Return the candidate as it is after an evaluation by this process."""
    return replace(
        candidate,
        state=State.COMPLETE,
        worker=str(os.getpid()),
        started_at=started_at,
        finished_at=time.time(),
    )


class SleepingWorker(Worker):
    """A worker that sleeps instead of training; the settings' time limit says for how long."""

    def load(self, evaluation: EvaluationSettings) -> None:
        """Load no data."""
        self._evaluator = Sleeping(evaluation.time_limit_s)


def main() -> None:
    """Print n, the spread and the machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", nargs="?", type=Path)
    parser.add_argument("--candidates", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.0, help="that a candidate takes")
    parser.add_argument("--alone", action="store_true", help="call the driver without Ray")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    print(f"{device_name(torch.device('cpu'))} of {os.cpu_count()}, {platform.system()}")
    if options.run:
        _, record = open_for_reading(options.run)
        with record:
            _print_added(record.candidates())
        return
    measure = _driver_rate if options.alone else _rate
    rates = [
        measure(options.candidates, options.workers, options.seconds)
        for _ in range(options.repeats)
    ]
    print(
        f"{options.candidates} candidates of {options.seconds:g} s, {options.workers} workers, "
        f"recorded{' (the driver alone)' if options.alone else ''}: "
        f"{min(rates):.1f} to {max(rates):.1f}, median {median(rates):.1f} candidates/s "
        f"(n = {options.repeats})"
    )


@contextmanager
def _search(count: int) -> Iterator[tuple[SearchDriver, EvaluationSettings, Record]]:
    """Prepare a random search of ``count`` candidates, with a record in a temporary folder."""
    space = small()
    data = load_search_data("digits")
    with tempfile.TemporaryDirectory() as folder:
        url = sqlite_url(Path(folder) / "record.sqlite")
        with Record.open(url, "engine") as record, redirect_output(Path(folder) / "ray.log"):
            record.create({})
            driver = SearchDriver(
                record=PatientRecord(record),
                proposals=ProposalStudy(space, PermutationSampler(space, 0), Objective(), []),
                known=[],
                seed=0,
                budget=count,
                failure_limit=FailureLimit(1),
                space_size=space.size,
                listener=lambda candidate: None,
            )
            yield driver, EvaluationSettings(data, space.backbone, proxy()), record


def _rate(count: int, workers: int, seconds: float) -> float:
    """Return the candidates per second since all workers were up."""
    with _search(count) as (driver, evaluation, record):
        with ray_cluster(None, cores=workers) as cluster:
            sleeping = replace(evaluation, time_limit_s=seconds)
            run_candidates(driver, sleeping, cluster, workers, _nothing, SleepingWorker)
        first: dict[str | None, float] = {}
        for candidate in record.candidates():
            first.setdefault(candidate.worker, candidate.started_at or 0.0)
        ends = sorted(c.finished_at or 0.0 for c in record.candidates())
    all_up = max(first.values())
    late = [end for end in ends if end > all_up]
    return float(len(late) / (late[-1] - all_up))


def _driver_rate(count: int, workers: int, seconds: float) -> float:
    """Return the candidates per second of the driver alone, with as many running as workers."""
    with _search(count) as (driver, _, _):
        start = time.monotonic()
        running: deque[Candidate] = deque()
        while not driver.is_finished():
            while len(running) < workers and (candidate := driver.next_candidate()):
                running.append(candidate)
            driver.ended(completed(running.popleft(), time.time()))
        return count / (time.monotonic() - start)


def _nothing(text: str) -> None:
    """Say nothing."""


def _print_added(candidates: list[Candidate]) -> None:
    """Print the seconds outside the phases, in a candidate and since the worker's previous one."""
    added: list[float] = []
    for worker in {c.worker for c in candidates if c.worker}:
        complete = [c for c in candidates if c.worker == worker and c.state is State.COMPLETE]
        complete.sort(key=lambda c: c.started_at or 0)
        for before, candidate in pairwise(complete):
            spent = (candidate.finished_at or 0) - (before.finished_at or 0)
            added.append(spent - sum(candidate.phases_s.values()))
    added.sort()
    print(
        f"overhead of a candidate: {added[0]:.3f} to {added[-1]:.3f} s, "
        f"median {median(added):.3f} s, 90 % under {added[int(0.9 * len(added))]:.3f} s "
        f"(n = {len(added)})"
    )


if __name__ == "__main__":
    main()
