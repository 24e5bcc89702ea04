"""A search in this process, without Ray: as with Ray's one worker, and ended as it is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from nas.data.load import load_search_data
from nas.errors import DeviceLost
from nas.run_directory import open_for_reading
from nas.search.evaluator import DEVICE_ERROR, EvaluationSettings
from nas.search.executor import run_here
from nas.training.recipes import proxy
from results.candidate import Candidate, CurvePoint, State
from reward.step_time.allocator import ALLOCATOR_SETTINGS
from search_space.spaces import small
from tests.nas.command_line import completed, environment, heed_signals, nas, start_nas
from tests.nas.conftest import Refusal
from tests.nas.search.test_ray_backend import ENDS, RAISES, Fixed

WITHOUT_RAY = Path(__file__).parents[1] / "without_ray.py"


@pytest.fixture
def options(tiny_space_file: Path, tiny_data_file: Path) -> tuple[object, ...]:
    """A search whose candidates take a moment."""
    return ("--space", tiny_space_file, "--data", tiny_data_file, "--epochs", 2)


@pytest.fixture
def settings() -> EvaluationSettings:
    """Settings of an evaluation."""
    return EvaluationSettings(load_search_data("digits"), small().backbone, proxy())


class Scripted:
    """Does what a candidate's seed says."""

    def __init__(self, settings: EvaluationSettings) -> None:
        torch.set_num_threads(1)

    def evaluate(self, candidate: Candidate) -> Iterator[Candidate]:
        if candidate.seed == RAISES:
            raise ValueError("broken")
        for epoch in range(1, 4):
            point = CurvePoint(epoch, 1.0, 0.5, 1.0)
            candidate = replace(candidate, curve=(*candidate.curve, point))
            yield candidate
        yield replace(candidate, state=State.COMPLETE)


def test_candidates_that_raise_are_lost_and_the_others_go_on(settings: EvaluationSettings) -> None:
    driver = Fixed([ENDS, RAISES, ENDS])
    run_here(driver, settings, print, Scripted)
    assert driver.ends == {0: "complete", 1: "error: ValueError: broken", 2: "complete"}


def test_a_gpu_that_failed_ends_the_search_once_its_candidate_is_recorded(
    settings: EvaluationSettings,
) -> None:
    class Poisoned(Scripted):
        def evaluate(self, candidate: Candidate) -> Iterator[Candidate]:
            detail = "RuntimeError: CUDA error: device-side assert triggered"
            failed = replace(candidate, state=State.FAILED, cause=DEVICE_ERROR, detail=detail)
            yield failed

    driver = Fixed([ENDS, ENDS])
    with pytest.raises(DeviceLost, match=r"cannot use the GPU any more .*device-side assert"):
        run_here(driver, settings, print, Poisoned)
    assert driver.ends == {0: "failed"}


def test_a_candidate_that_the_driver_stops_goes_no_further(settings: EvaluationSettings) -> None:
    driver = Fixed([ENDS] * 3, stops_at=2)
    run_here(driver, settings, print, Scripted)
    assert set(driver.ends.values()) == {"stopped"}


def test_the_time_is_looked_at_after_every_report(settings: EvaluationSettings) -> None:
    class Short(Fixed):
        reports = 0

        def is_finished(self) -> bool:
            return self.reports == 2

        def progressed(self, candidate: Candidate) -> bool:
            self.reports += 1
            return False

    driver = Short([ENDS])
    run_here(driver, settings, print, Scripted)
    assert driver.ends == {}
    assert driver.running == {0}


def test_what_the_driver_raises_ends_the_search(settings: EvaluationSettings) -> None:
    class Broken(Fixed):
        def progressed(self, candidate: Candidate) -> bool:
            raise OSError("disk")

    driver = Broken([ENDS])
    with pytest.raises(OSError, match="disk"):
        run_here(driver, settings, print, Scripted)
    assert driver.ends == {}


def test_a_notebook_keeps_its_threads_and_is_told_of_the_allocator(
    settings: EvaluationSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = torch.get_num_threads()
    said: list[str] = []
    for name in ALLOCATOR_SETTINGS:
        monkeypatch.delenv(name, raising=False)
    run_here(Fixed([ENDS]), settings, said.append, Scripted)
    assert torch.get_num_threads() == threads
    (line,) = said
    assert "MALLOC_MMAP_MAX_=0" in line
    for name, value in ALLOCATOR_SETTINGS.items():
        monkeypatch.setenv(name, value)
    run_here(Fixed([ENDS]), settings, said.append, Scripted)
    assert len(said) == 1


def test_it_finds_what_rays_one_worker_finds(options: tuple[object, ...], tmp_path: Path) -> None:
    """The same candidates, bit for bit; only the measured times differ."""
    budget = ("--budget", 5, "--baseline", 1, "--sampler", "random", "--workers", 1)
    with_ray, here = tmp_path / "ray", tmp_path / "here"
    for run, extra in ((with_ray, ()), (here, ("--in-process",))):
        done = nas("search", *options, *budget, *extra, "--out", run)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
    assert len(completed(here)) == 6
    assert _results(here) == _results(with_ray)
    assert not (here / "ray.log").exists()


def _results(run: Path) -> list[tuple[object, ...]]:
    """Return all of the candidates that does not depend on the time that they took."""
    _, record = open_for_reading(run)
    with record:
        found = record.candidates()
    return [
        (
            c.number,
            c.state,
            c.architecture.architecture_id,
            c.seed,
            c.accuracy,
            c.parameters,
            c.multiply_adds,
            [(point.epoch, point.loss, point.accuracy) for point in c.curve],
            c.step_time and (c.step_time.batch_size, c.step_time.device),
        )
        for c in sorted(found, key=lambda c: c.number)
    ]


def test_it_works_where_ray_is_not_installed_and_the_rest_says_what_to_install(
    options: tuple[object, ...], tmp_path: Path
) -> None:
    run, trained = tmp_path / "run", tmp_path / "trained"
    done = _without_ray("search", *options, "--budget", 2, "--in-process", "--out", run)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert len(completed(run)) == 2
    on = ("train", "--arch", run / "best.json", *options[2:], "--out")
    done = _without_ray(*on, trained)
    assert done.returncode == 0, done.stderr
    assert (trained / "best.pt").exists()
    says = "nas: {}Ray is not installed: pip install 'ray[tune]'; nas search --in-process"
    other = tmp_path / "other"
    for refused, named in (
        (("search", *options, "--out", other), ""),
        (
            ("search", *options, "--in-process", "--scheduler", "asha", "--out", other),
            "--scheduler asha: ",
        ),
        ((*on, other, "--workers", 2), ""),
    ):
        done = _without_ray(*refused)
        assert done.returncode == 1
        assert done.stderr.startswith(says.format(named)), done.stderr
        assert done.stderr.count("\n") == 1
        assert not other.exists()


def _without_ray(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(WITHOUT_RAY), *map(str, arguments)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        preexec_fn=heed_signals,
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_at_once_and_what_finished_is_kept(
    options: tuple[object, ...], tmp_path: Path, number: signal.Signals, code: int
) -> None:
    run = tmp_path / "run"
    process = start_nas("search", *options, "--budget", 144, "--in-process", "--out", run)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("candidate"):
            break
    began = time.monotonic()
    os.kill(process.pid, number)  # it replaced itself, and kept its id
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert time.monotonic() - began < 5
    assert err.strip() == f"interrupted; go on with: nas search --resume {run} --in-process"
    done = completed(run)
    assert done
    assert (run / "best.json").is_file()
    more = nas("search", "--resume", run, "--budget", len(done) + 1, "--in-process")
    assert more.returncode == 0, more.stderr
    assert done.items() < completed(run).items()


def test_what_one_process_cannot_do_is_refused(refusal: Refusal) -> None:
    message = refusal("search", "--in-process", "--workers", 2)
    assert message.startswith("--workers: got 2, must be 1 with --in-process")
    message = refusal("search", "--in-process", "--address", "auto")
    assert message.startswith("--address: not allowed together with --in-process")
