"""The evaluation of a candidate on a GPU: graphs, timing, memory that runs out, and the record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nas.data.formats.digits import digits
from nas.data.split import SearchData
from nas.search.evaluator import EvaluationSettings, Evaluator
from nas.training.recipes import proxy
from results.candidate import Candidate, State
from results.database_url import sqlite_url
from results.record import Record
from reward.step_time.measurement import Conditions, normalized
from search_space.architecture import Architecture, Block, Stage
from search_space.operators import OPERATORS, mbconv
from tests.nas.tiny import tiny
from tests.pretend_cuda.device import NAME, current_bytes, memory_limit

CUDA = torch.device("cuda")


class Special(nn.Module):
    """A layer that does something with what it is given, once training has begun."""

    def __init__(self, block: Block, do: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.body = mbconv(block)
        self.do = do

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        if self.training:
            self.do(y)
        return y


def _hungry(x: Tensor) -> None:
    torch.empty(len(x) * 2**20, dtype=torch.uint8, device=x.device)


SPECIAL: dict[str, Callable[[Tensor], object]] = {
    "reads": lambda x: x.detach().sum().item(),
    "hungry": _hungry,
}


def _settings(**changes: object) -> EvaluationSettings:
    special = {name: lambda block, do=do: Special(block, do) for name, do in SPECIAL.items()}
    training, minival = digits("train"), digits("test")
    data = SearchData("digits", 10, training.take(np.arange(256)), minival.take(np.arange(100)))
    settings = EvaluationSettings(
        data=data,
        backbone=tiny().backbone,
        recipe=proxy(2, 32),
        operators={**OPERATORS, **special},
    )
    return replace(settings, **changes)  # type: ignore[arg-type]


def _candidate(operator: str = "fused_mbconv") -> Candidate:
    stages = (Stage(operator, 3, 1, 2, 4, 1), Stage("mbconv", 3, 2, 4, 8, 1, 0.25))
    architecture = Architecture(stages, stem_channels=4, stem_stride=2, head_channels=16)
    return Candidate(3, State.RUNNING, architecture, 11)


def _end(evaluator: Evaluator, candidate: Candidate) -> Candidate:
    *_, ended = evaluator.evaluate(candidate)
    return ended


@pytest.fixture(scope="module")
def evaluator() -> Evaluator:
    """With two epochs of eight steps."""
    return Evaluator(_settings(), CUDA)


def _conditions(ended: Candidate) -> Conditions:
    assert ended.step_time is not None
    assert ended.step_time.conditions is not None
    return ended.step_time.conditions


def test_a_candidate_is_trained_and_timed_as_a_graph(evaluator: Evaluator, tmp_path: Path) -> None:
    ended = _end(evaluator, _candidate())
    assert ended.state is State.COMPLETE, ended.detail
    conditions = _conditions(ended)
    assert (conditions.mode, conditions.failure) == ("graph", None)
    assert conditions.host
    assert ended.step_time is not None
    assert ended.step_time.device == NAME
    assert normalized(ended.step_time) > 0
    with Record.open(sqlite_url(tmp_path / "record.sqlite"), "run") as record:
        record.create({})
        record.start(replace(ended, state=State.RUNNING))
        record.finish(ended)
        assert record.candidates() == [ended]


def test_the_same_candidate_gets_the_same_accuracy(evaluator: Evaluator) -> None:
    ended = [_end(evaluator, _candidate()) for _ in range(2)]
    assert ended[0].accuracy == ended[1].accuracy
    losses = [[(p.loss, p.accuracy) for p in one.curve] for one in ended]
    assert losses[0] == losses[1]


def test_an_operator_that_reads_is_timed_eager_against_an_eager_backbone(
    evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[str] = []
    reference = type(evaluator._reference)
    call = reference.__call__

    def noted(self: object, mode: str) -> object:
        modes.append(mode)
        return call(self, mode)  # type: ignore[arg-type]

    monkeypatch.setattr(reference, "__call__", noted)
    ended = _end(evaluator, _candidate("reads"))
    assert ended.state is State.COMPLETE, ended.detail
    conditions = _conditions(ended)
    assert conditions.mode == "eager"
    assert conditions.failure is not None
    assert "waits for the GPU" in conditions.failure
    assert set(modes) == {"eager"}
    modes.clear()
    assert _conditions(_end(evaluator, _candidate())).mode == "graph"
    assert set(modes) == {"graph"}


def test_a_batch_that_does_not_fit_is_trained_and_validated_in_parts(evaluator: Evaluator) -> None:
    with memory_limit(current_bytes() + 20 * 2**20):
        ended = _end(evaluator, _candidate("hungry"))
    assert ended.state is State.COMPLETE, ended.detail
    assert ended.step_time is not None
    assert ended.step_time.micro_batch_size in (2, 4, 8, 16)
    assert ended.step_time.batch_size == 32


def test_limits_need_the_step_timed_alone() -> None:
    evaluator = Evaluator(_settings(times_before_training=True), CUDA)
    ended = _end(evaluator, _candidate())
    assert ended.state is State.COMPLETE, ended.detail
    assert _conditions(ended).mode == "graph"


def test_peak_memory_is_that_of_the_eager_step() -> None:
    """A graph holds its memory all the time, so that its replay takes next to nothing."""
    evaluators = [Evaluator(_settings(times_before_training=t), CUDA) for t in (True, False)]
    before, within = (_end(evaluator, _candidate()).step_time for evaluator in evaluators)
    assert before is not None
    assert within is not None
    assert before.peak_memory_bytes == pytest.approx(within.peak_memory_bytes, rel=0.1)


def test_where_the_backbone_reads_candidates_are_timed_eager_as_well() -> None:
    backbone = tiny().backbone
    stages = (replace(backbone.stages[0], operator="reads"), *backbone.stages[1:])
    evaluator = Evaluator(_settings(backbone=replace(backbone, stages=stages)), CUDA)
    ended = _end(evaluator, _candidate())
    assert ended.state is State.COMPLETE, ended.detail
    assert _conditions(ended).mode == "eager"


def test_a_training_of_fewer_steps_than_a_capture_needs_is_timed_as_a_graph() -> None:
    evaluator = Evaluator(_settings(recipe=proxy(1, 128)), CUDA)
    ended = _end(evaluator, _candidate())
    assert ended.state is State.COMPLETE, ended.detail
    assert _conditions(ended).mode == "graph"
    assert evaluator._reference.step.mode == "graph"
