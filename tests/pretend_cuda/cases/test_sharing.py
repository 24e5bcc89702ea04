"""Several candidates on one GPU: the probe for their number, and the lease in an evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from nas.data.load import load_search_data
from nas.search.evaluator import EvaluationSettings, Evaluator
from nas.search.executor import probe
from nas.search.sharing import CONTEXT_BYTES
from nas.training.recipes import proxy
from results.candidate import Candidate, State
from reward.limits import Limits
from reward.step_time.lease import Lease
from tests.nas.tiny import TINY_BACKBONE
from tests.pretend_cuda.device import capability, memory_limit

GPU = torch.device("cuda")
MIB = 2**20


@pytest.fixture(autouse=True)
def _float32() -> Iterator[None]:
    with capability(7, 0):
        yield


@pytest.fixture
def settings() -> EvaluationSettings:
    """Two epochs of 16 steps, on a GPU that two candidates share."""
    data = load_search_data("shapes:classes=2,size=8,n=160")
    return EvaluationSettings(data, TINY_BACKBONE, proxy(2, 8), sharers=2)


def test_the_probe_measures_memory_and_what_the_device_does_not_tell_is_none(
    settings: EvaluationSettings,
) -> None:
    with memory_limit(400 * MIB):
        found = probe(settings, GPU)
    assert found.busy is None
    step_bytes = found.worker_bytes - CONTEXT_BYTES
    assert 0 < step_bytes < 50 * MIB
    assert found.free_bytes <= 400 * MIB + CONTEXT_BYTES
    assert found.sharers == 1
    assert probe(settings, GPU).sharers == 4


class Noting(Lease):
    """A lease that notes how it is held."""

    def __init__(self, folder: Path) -> None:
        super().__init__("gpu", torch.cuda.synchronize, folder)
        self.calls: list[str] = []

    def alone(self) -> bool:
        self.calls.append("alone")
        return super().alone()

    def together(self) -> None:
        self.calls.append("together")
        super().together()

    def between_steps(self) -> None:
        self.calls.append("step")
        super().between_steps()


@contextmanager
def _other_alone(folder: Path) -> Iterator[Lease]:
    other = Lease("gpu", lambda: None, folder)
    with other.working():
        other.alone()
        yield other


@pytest.mark.parametrize("limits", [Limits(), Limits(max_step_time=100.0)])
def test_an_evaluation_trains_together_and_times_alone(
    settings: EvaluationSettings, tmp_path: Path, limits: Limits
) -> None:
    lease = Noting(tmp_path)
    with lease.working():
        evaluator = Evaluator(replace(settings, limits=limits), GPU, lease)
    reports = evaluator.evaluate(Candidate(0, State.RUNNING, TINY_BACKBONE, 0))
    last = None
    while True:
        with lease.working():
            last = next(reports, last)
        assert last is not None
        with _other_alone(tmp_path):  # between two reports nothing is held
            pass
        if last.state is not State.RUNNING:
            break
    assert last.state is State.COMPLETE, last.detail
    assert last.step_time is not None
    assert last.step_time.conditions is not None
    assert last.step_time.conditions.sharers == 2
    assert lease.calls.count("step") == 2 * (len(settings.data.training) // 8)
    assert "alone" in lease.calls
    assert lease.calls[-1] == "together"
    assert last.phases_s["waiting"] < 1.0
