"""A search whose Ray loses a process of its own; a script, run with its name and a signal.

Its last line is the error that ended it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass

from nas import cluster_pulse, interrupts
from nas.cluster import ray_cluster
from nas.data.load import load_search_data
from nas.errors import UserError
from nas.search.evaluator import EvaluationSettings
from nas.search.ray_backend import run_candidates
from nas.training.recipes import proxy
from results.candidate import Candidate, State
from search_space.spaces import small


@dataclass
class Endless:
    """A driver that signals a process of Ray after the first report, and never has enough."""

    process: str
    number: int
    count: int = 0

    def next_candidate(self) -> Candidate | None:
        self.count += 1
        return Candidate(self.count, State.RUNNING, small().backbone, 0)

    def is_finished(self) -> bool:
        return False

    def progressed(self, candidate: Candidate) -> bool:
        if self.process:
            signal_child(self.process, self.number)
            self.process = ""
        return False

    def ended(self, candidate: Candidate) -> None:
        """Take no notice."""

    def lost(self, number: int, cause: str, detail: str) -> None:
        """Take no notice."""


def signal_child(name: str, number: int) -> None:
    """Send a signal to the child process of this name."""
    listed = subprocess.run(
        ["ps", "--ppid", str(os.getpid()), "-o", "pid=,comm="],
        capture_output=True,
        text=True,
        check=True,
    )
    found = [line.split() for line in listed.stdout.splitlines()]
    (pid,) = (int(pid) for pid, command in found if command == name)
    os.kill(pid, number)


def main(process: str, number: int) -> None:
    """Search until the process is found to be gone, and print the error."""
    cluster_pulse.ANSWERS_WITHIN_S = 5.0
    settings = EvaluationSettings(load_search_data("digits"), small().backbone, proxy())
    try:
        with ray_cluster(None, cores=1) as cluster:
            run_candidates(Endless(process, number), settings, cluster, 1, print)
    except UserError as error:
        sys.stdout.write(f"{error}\n")
        interrupts.end(error.exit_code)


if __name__ == "__main__":
    main(sys.argv[1], signal.Signals[sys.argv[2]])
