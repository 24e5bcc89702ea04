"""Measure the engine's overhead: all but building, timing, training and validating a candidate.

python -m benchmarks.engine          # 200 candidates that do nothing, three times: about 2 minutes
python -m benchmarks.engine RUN      # the overhead of each candidate of a finished run
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from nas.cluster import ray_cluster
from nas.data.load import load_search_data
from nas.search.driver import FailureLimit, SearchDriver
from nas.search.evaluator import EvaluationSettings
from nas.search.progress import redirect_output
from nas.search.ray_backend import CandidateTrial, run_trials
from nas.search.run_directory import open_for_reading
from nas.search.samplers.random import PermutationSampler
from nas.search.study import ProposalStudy
from nas.training.recipes import proxy
from results.candidate import Candidate, State
from results.database import sqlite_url
from results.record import Record
from reward.objective import Objective
from reward.step_time.clocks import device_name
from search_space.spaces import small

WORKERS = 2


class Idle:
    """An evaluator that completes a candidate at once."""

    def evaluate(self, candidate: Candidate) -> Iterator[Candidate]:
        """Yield the completed candidate."""
        now = time.time()
        yield replace(
            candidate,
            state=State.COMPLETE,
            worker=str(os.getpid()),
            started_at=now,
            finished_at=now,
        )


class IdleTrial(CandidateTrial):
    """A worker that does nothing."""

    def setup(self, config: dict[str, Any], evaluation: EvaluationSettings | None = None) -> None:
        """Use the idle evaluator; load no data."""
        self._evaluator = Idle()  # type: ignore[assignment]
        self._begin(config)


def main() -> None:
    """Print n, the spread and the machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", nargs="?", type=Path)
    parser.add_argument("--candidates", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    print(f"{device_name(torch.device('cpu'))} of {os.cpu_count()}, {platform.system()}")
    if options.run:
        _, record = open_for_reading(options.run)
        with record:
            _print_added(record.candidates())
        return
    rates = [_idle_rate(options.candidates) for _ in range(options.repeats)]
    print(
        f"{options.candidates} candidates that do nothing, {WORKERS} workers, recorded: "
        f"{min(rates):.1f} to {max(rates):.1f}, median {median(rates):.1f} candidates/s "
        f"(n = {options.repeats})"
    )


def _idle_rate(count: int) -> float:
    """Return candidates per second between the first and the last end, after workers started."""
    space = small()
    data = load_search_data("digits")
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        with Record.open(sqlite_url(directory / "record.sqlite"), "engine") as record:
            record.create({})
            search = SearchDriver(
                record=record,
                proposals=ProposalStudy(space, PermutationSampler(space, 0), Objective(), []),
                known=[],
                seed=0,
                budget=count,
                failure_limit=FailureLimit(1),
                space_size=space.size,
                listener=lambda candidate: None,
            )
            evaluation = EvaluationSettings(data, space.backbone, proxy())
            with redirect_output(directory / "ray.log"), ray_cluster(None) as cluster:
                run_trials(search, evaluation, cluster, WORKERS, directory, trial=IdleTrial)
            ends = sorted(c.finished_at or 0 for c in record.candidates() if c.state == "complete")
    return (len(ends) - 1) / (ends[-1] - ends[0])


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
