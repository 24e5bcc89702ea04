"""GPUs without bfloat16, and errors on the GPU itself, after which a process is of no use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nas.data.load import load_search_data
from nas.devices import remarks, training_device, visible_gpus
from nas.search.evaluator import DEVICE_ERROR, EvaluationSettings, Evaluator
from nas.training.recipes import proxy
from results.candidate import Candidate, State
from reward.step_time.clocks import mixed_precision
from search_space.architecture import Architecture, Block
from search_space.operators import OPERATORS, mbconv
from tests.nas.tiny import TINY_BACKBONE
from tests.pretend_cuda.device import NAME, capability

GPU = torch.device("cuda")
ASSERT = "CUDA error: device-side assert triggered"


def test_the_gpu_is_used() -> None:
    assert training_device() == GPU
    assert visible_gpus() == 1
    assert remarks(GPU) == []


def test_a_gpu_without_bfloat16_trains_in_float32_and_that_is_said() -> None:
    with capability(7, 5):
        assert remarks(GPU) == [f"{NAME} has no bfloat16: training in float32"]
        with mixed_precision(GPU):
            assert (torch.ones(2, 2, device=GPU) @ torch.ones(2, 2, device=GPU)).dtype == (
                torch.float32
            )


class Breaking(nn.Module):
    """A layer that does something once training has begun."""

    def __init__(self, block: Block, do: Callable[[], None]) -> None:
        super().__init__()
        self.body = mbconv(block)
        self.do = do

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.do()
        y: Tensor = self.body(x)
        return y


def _evaluator(do: Callable[[], None]) -> tuple[Evaluator, Architecture]:
    settings = EvaluationSettings(
        load_search_data("shapes:classes=2,size=8,n=64"),
        TINY_BACKBONE,
        proxy(1, 8),
        operators={**OPERATORS, "breaking": lambda block: Breaking(block, do)},
    )
    first, *others = TINY_BACKBONE.stages
    stages = (replace(first, operator="breaking"), *others)
    return Evaluator(settings, GPU), replace(TINY_BACKBONE, stages=stages)


@pytest.mark.parametrize(
    ("raised", "detail"),
    [
        (ASSERT, f"RuntimeError: {ASSERT}"),
        # Memory that ran out does not harm a process; what came of it here does.
        ("CUDA out of memory", f"RuntimeError: later: {ASSERT}"),
    ],
)
def test_an_error_on_the_gpu_itself_keeps_its_cause(
    monkeypatch: pytest.MonkeyPatch, raised: str, detail: str
) -> None:
    def poisoned(*_: Any) -> None:
        raise RuntimeError(f"later: {ASSERT}")

    def breaks() -> None:
        monkeypatch.setattr(torch.cuda, "synchronize", poisoned)
        raise RuntimeError(raised)

    evaluator, architecture = _evaluator(breaks)
    *_, ended = evaluator.evaluate(Candidate(0, State.RUNNING, architecture, 0))
    assert (ended.state, ended.cause, ended.detail) == (State.FAILED, DEVICE_ERROR, detail)
    assert ended.finished_at is not None


def test_another_error_leaves_the_gpu_in_use() -> None:
    def breaks() -> None:
        raise RuntimeError("broken")

    evaluator, architecture = _evaluator(breaks)
    *_, ended = evaluator.evaluate(Candidate(0, State.RUNNING, architecture, 0))
    assert (ended.state, ended.cause) == (State.FAILED, "error")
    *_, ended = evaluator.evaluate(Candidate(1, State.RUNNING, TINY_BACKBONE, 0))
    assert ended.state is State.COMPLETE, ended.detail
