"""A search in a Ray that counts one GPU, shared by four workers; a script, run with a folder.

Each worker waits until all four are at work, and tells its share of the GPU, which is printed.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import ray

from nas.cluster import ray_cluster
from nas.data.load import load_search_data
from nas.search.evaluator import EvaluationSettings
from nas.search.ray_backend import Worker, run_candidates
from nas.training.recipes import proxy
from results.candidate import Candidate, State
from search_space.spaces import small
from tests.nas.search.test_ray_backend import ENDS, Fixed

PER_GPU = 4
_LIMIT_S = 100.0


def telling(folder: Path) -> type[Worker]:
    """Return a worker that tells its share; a class that Ray sends by value."""

    class Telling(Worker):
        def load(self, evaluation: EvaluationSettings) -> list[str] | None:
            return None

        def advance(self, candidate: Candidate | None) -> Candidate:
            assert candidate is not None
            (folder / str(candidate.number)).touch()
            until = time.monotonic() + _LIMIT_S
            while len(list(folder.iterdir())) < PER_GPU and time.monotonic() < until:
                time.sleep(0.05)
            resources = ray.get_runtime_context().get_assigned_resources()  # type: ignore[no-untyped-call]
            told = f"{resources['GPU']} of GPU {ray.get_gpu_ids()}, {len(list(folder.iterdir()))}"
            return replace(candidate, state=State.COMPLETE, worker=told)

    return Telling


class Printing(Fixed):
    """Prints what workers tell."""

    def ended(self, candidate: Candidate) -> None:
        sys.stdout.write(f"{candidate.worker}\n")
        super().ended(candidate)


def main(folder: Path) -> None:
    """Evaluate a candidate in each of the workers."""
    settings = EvaluationSettings(load_search_data("digits"), small().backbone, proxy(), sharers=4)
    driver = Printing([ENDS] * PER_GPU)
    with patch("nas.cluster.visible_gpus", lambda: 1), ray_cluster(None, cores=8) as cluster:
        cluster.per_gpu = PER_GPU
        assert cluster.capacity == PER_GPU
        run_candidates(driver, settings, cluster, PER_GPU, print, telling(folder))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
