"""Ray's actors as workers: candidates that hang, processes that die or do not start."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import ray

from nas.cluster import Cluster, ray_cluster
from nas.data.load import load_search_data
from nas.errors import UserError
from nas.search import ray_backend
from nas.search.evaluator import DEVICE_ERROR, EvaluationSettings
from nas.search.ray_backend import Worker, grace_s, run_candidates
from nas.training.recipes import proxy
from results.candidate import Candidate, CurvePoint, State
from search_space.spaces import small
from tests.nas.command_line import environment

BACKBONE = small().backbone


ENDS, SLEEPS, STOPS, RAISES, KILLS = range(5)  # seeds of candidates, by what these do


@dataclass
class Fixed:
    """A driver that hands out candidates with given seeds, and notes what becomes of them."""

    seeds: list[int]
    running: set[int] = field(default_factory=set)
    ends: dict[int, str] = field(default_factory=dict)
    stops_at: int | None = None  # epochs

    def next_candidate(self) -> Candidate | None:
        number = len(self.ends) + len(self.running)
        if number >= len(self.seeds):
            return None
        self.running.add(number)
        return Candidate(number, State.RUNNING, BACKBONE, self.seeds[number])

    def is_finished(self) -> bool:
        return len(self.ends) == len(self.seeds)

    def progressed(self, candidate: Candidate) -> bool:
        if len(candidate.curve) == self.stops_at:
            self._end(candidate.number, "stopped")
            return True
        return False

    def ended(self, candidate: Candidate) -> None:
        self._end(candidate.number, candidate.state.value)

    def lost(self, number: int, cause: str, detail: str) -> None:
        self._end(number, f"{cause}: {detail}")

    def _end(self, number: int, how: str) -> None:
        self.running.remove(number)
        self.ends[number] = how


def worker_class() -> type[Worker]:
    """Return a worker that does what a candidate's seed says; a class that Ray sends by value."""

    class Evaluator:
        def evaluate(self, candidate: Candidate) -> Iterator[Candidate]:
            match candidate.seed:
                case 1:
                    time.sleep(1000)
                case 2:
                    os.kill(os.getpid(), signal.SIGSTOP)
                case 3:
                    raise ValueError("broken")
                case 4:
                    os.kill(os.getpid(), signal.SIGKILL)
            for epoch in range(1, 4):
                point = CurvePoint(epoch, 1.0, 0.5, 1.0)
                candidate = replace(candidate, curve=(*candidate.curve, point))
                yield candidate
            yield replace(candidate, state=State.COMPLETE)

    class Scripted(Worker):
        def load(self, evaluation: EvaluationSettings) -> None:
            self._evaluator = Evaluator()

    return Scripted


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Ray on this machine, with two cores."""
    with ray_cluster(None, cores=2) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def settings() -> EvaluationSettings:
    """Settings of an evaluation that may take a second."""
    return EvaluationSettings(load_search_data("digits"), BACKBONE, proxy(), time_limit_s=1.0)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Graces so short that a test can wait for their end."""
    monkeypatch.setattr(ray_backend, "_SHORTEST_GRACE_S", 0.5)
    monkeypatch.setattr(ray_backend, "_LONGEST_GRACE_S", 0.5)


def test_candidates_that_hang_die_or_raise_are_ended_and_the_others_go_on(
    cluster: Cluster, settings: EvaluationSettings, short: None
) -> None:
    driver = Fixed([ENDS, SLEEPS, STOPS, RAISES, KILLS, ENDS, ENDS])
    run_candidates(driver, settings, cluster, 2, print, worker_class())
    assert [driver.ends[number] for number in (0, 5, 6)] == ["complete"] * 3
    hung = "time_limit: hung for over 1 s; its process was ended"
    assert driver.ends[SLEEPS] == driver.ends[STOPS] == hung
    assert driver.ends[RAISES] == "error: ValueError: broken"
    assert driver.ends[KILLS].startswith("worker_lost: The actor died unexpectedly")


def test_a_candidate_that_the_driver_stops_leaves_its_worker_to_the_next(
    cluster: Cluster, settings: EvaluationSettings
) -> None:
    driver = Fixed([ENDS] * 5, stops_at=2)
    run_candidates(driver, settings, cluster, 1, print, worker_class())
    assert set(driver.ends.values()) == {"stopped"}


def test_a_process_whose_gpu_failed_is_replaced_before_the_next_candidate(
    cluster: Cluster, settings: EvaluationSettings
) -> None:
    """The candidate's own report arrives, and no other candidate counts as lost."""

    class Poisoned(worker_class()):  # type: ignore[misc]
        def advance(self, candidate: Candidate | None) -> Candidate:
            assert candidate is not None
            ended = replace(candidate, worker=str(os.getpid()), state=State.COMPLETE)
            if candidate.seed == RAISES:
                ended = replace(ended, state=State.FAILED, cause=DEVICE_ERROR, detail="an assert")
            return ended

    class Noting(Fixed):
        processes: ClassVar[list[str | None]] = []

        def ended(self, candidate: Candidate) -> None:
            self.processes.append(candidate.worker)
            super().ended(candidate)

    driver = Noting([ENDS, RAISES, ENDS, ENDS])
    run_candidates(driver, settings, cluster, 1, print, Poisoned)
    assert driver.ends == {0: "complete", 1: "failed", 2: "complete", 3: "complete"}
    before, failed, after, last = driver.processes
    assert before == failed != after == last


def test_workers_that_cannot_load_end_the_search(
    cluster: Cluster, settings: EvaluationSettings
) -> None:
    class Broken(Worker):
        def load(self, evaluation: EvaluationSettings) -> None:
            raise UserError("images of another data set")

    with pytest.raises(UserError, match=r"no worker starts: .*images of another data set"):
        run_candidates(Fixed([ENDS]), settings, cluster, 2, print, Broken)


def test_a_worker_that_cannot_load_is_done_without_if_another_runs(
    cluster: Cluster, settings: EvaluationSettings, tmp_path: Path
) -> None:
    loads = tmp_path / "loads"

    class Lucky(worker_class()):  # type: ignore[misc]
        def load(self, evaluation: EvaluationSettings) -> None:
            with loads.open("a") as file:
                file.write("x")
            if loads.stat().st_size > 1:
                raise UserError("no memory left")
            super().load(evaluation)

        def advance(self, candidate: Candidate | None) -> Any:
            while loads.stat().st_size < 4:  # the other worker is tried three times
                time.sleep(0.1)
            time.sleep(0.5)
            return super().advance(candidate)

    said: list[str] = []
    driver = Fixed([ENDS] * 8)
    patient = replace(settings, time_limit_s=200.0)
    run_candidates(driver, patient, cluster, 2, said.append, Lucky)
    assert set(driver.ends.values()) == {"complete"}
    # A worker of the test before may hold its core for a while yet.
    (given_up,) = (line for line in said if not line.startswith("waiting for a core"))
    assert re.fullmatch(r"a worker does not start \(.*no memory left\); going on with 1", given_up)


def test_a_process_that_hangs_at_its_start_is_replaced(
    cluster: Cluster, settings: EvaluationSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_backend, "START_LIMIT_S", 15.0)
    monkeypatch.setattr(ray_backend, "_PATIENCE_S", 1.0)
    first = tmp_path / "first"

    class HangsOnce(worker_class()):  # type: ignore[misc]
        def answer(self) -> None:
            if not first.exists():
                first.touch()
                os.kill(os.getpid(), signal.SIGSTOP)

    driver = Fixed([ENDS])
    run_candidates(driver, settings, cluster, 1, print, HangsOnce)
    assert driver.ends == {0: "complete"}
    assert first.exists()


def test_ray_reserves_the_memory_of_a_worker(
    cluster: Cluster, settings: EvaluationSettings
) -> None:
    class Tells(Worker):
        def load(self, evaluation: EvaluationSettings) -> None:
            pass

        def advance(self, candidate: Candidate | None) -> Candidate:
            resources = ray.get_runtime_context().get_assigned_resources()  # type: ignore[no-untyped-call]
            raise ValueError(resources["memory"])

    driver = Fixed([ENDS])
    run_candidates(driver, settings, replace(cluster, worker_memory=10**6), 1, print, Tells)
    assert driver.ends == {0: "error: ValueError: 1000000.0"}


def test_memory_that_other_jobs_reserved_is_waited_for(cluster: Cluster) -> None:
    declared = cluster.machines()[0].memory
    searching = replace(cluster, worker_memory=declared // 2)
    deadline = time.monotonic() + 10
    while searching.shortage() is not None:  # workers of the last test are still ending
        assert time.monotonic() < deadline
        time.sleep(0.1)
    occupying: Any = ray.remote(Worker)
    held = occupying.options(num_cpus=0, memory=declared).remote()
    ray.get(held.answer.remote())
    deadline = time.monotonic() + 10
    while (said := searching.shortage()) is None and time.monotonic() < deadline:
        time.sleep(0.1)  # Ray's view is late
    ray.kill(held)
    assert said is not None
    assert said.startswith("waiting for memory: each worker needs ")
    assert "and other jobs have reserved all but 0 of " in said


def test_a_full_cluster_is_waited_for_and_said(
    cluster: Cluster, settings: EvaluationSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_backend, "_PATIENCE_S", 0.5)
    occupying: Any = ray.remote(Worker)
    held = [occupying.options(num_cpus=1).remote() for _ in range(2)]
    ray.get([worker.answer.remote() for worker in held])
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        for worker in held:
            ray.kill(worker)

    driver = Fixed([ENDS])
    run_candidates(driver, settings, cluster, 2, say, worker_class())
    assert driver.ends == {0: "complete"}
    assert len(said) == 1
    assert said[0].startswith("waiting for a core: all 2 of the cluster are in use")


@pytest.mark.parametrize(
    ("process", "number", "line"),
    [
        ("gcs_server", signal.SIGKILL, r"Ray's control process .* has died or cannot be reached"),
        ("gcs_server", signal.SIGSTOP, r"Ray's control process \(GCS\) has not answered for 5 s"),
        ("raylet", signal.SIGKILL, r"Ray's raylet .* has died or cannot be reached"),
    ],
)
def test_a_process_of_ray_that_died_ends_the_search_with_a_line(
    process: str, number: signal.Signals, line: str
) -> None:
    script = Path(__file__).with_name("search_without_ray.py")
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, str(script), process, number.name],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert re.fullmatch(line, done.stdout.splitlines()[-1])
    assert time.monotonic() - start < 60


def test_a_gpu_that_torch_cannot_use_is_refused_in_words(settings: EvaluationSettings) -> None:
    """Ray counts GPUs by itself on the machines of a cluster, whatever torch is there."""
    script = Path(__file__).with_name("search_without_torchs_gpu.py")
    done = subprocess.run(
        [sys.executable, str(script)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    last = done.stdout.splitlines()[-1]
    assert re.fullmatch(r"no worker starts: .*: Ray gives its workers a GPU, but torch .*", last)


def test_workers_that_share_a_gpu_run_at_once(tmp_path: Path) -> None:
    script = Path(__file__).with_name("search_on_shared_gpu.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["0.25 of GPU [0], 4"] * 4


@pytest.mark.parametrize(("limit_s", "grace"), [(1, 5), (30, 30), (3600, 60)])
def test_the_grace_follows_the_limit(limit_s: float, grace: float) -> None:
    assert grace_s(limit_s) == grace
