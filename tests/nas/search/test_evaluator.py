"""One candidate's evaluation: what it measures, and how whatever goes wrong ends."""

from __future__ import annotations

import gc
import math
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nas.data.formats.digits import digits
from nas.data.split import SearchData
from nas.errors import Diverged
from nas.search.evaluator import EvaluationSettings, Evaluator, failure
from nas.training.recipes import proxy
from results.candidate import FULL, Candidate, State
from results.comparison import Fidelity
from results.database_url import sqlite_url
from results.ranking import reward
from results.record import Record
from reward.complexity import complexity
from reward.limits import Limits
from reward.objective import Objective
from reward.step_time.measurement import FEWEST_PAIRS, TimeLimitExceeded, normalized
from reward.step_time.standalone import TimedNetwork
from search_space.architecture import Architecture, Block, Stage
from search_space.network import Network
from search_space.operators import OPERATORS, mbconv
from search_space.space import Space

CPU = torch.device("cpu")
EPOCHS = 2
pytestmark = pytest.mark.usefixtures("_one_thread")


class Special(nn.Module):
    """A layer that does something else to what it is given, once training has begun."""

    def __init__(self, block: Block, do: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.body = mbconv(block)
        self.do = do

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        return self.do(y) if self.training else y


def _raises(error: Exception) -> Callable[[Tensor], Tensor]:
    def do(x: Tensor) -> Tensor:
        raise error

    return do


def _allocates_too_much(x: Tensor) -> Tensor:
    return x + torch.empty(2**50, dtype=torch.uint8).sum()


SPECIAL: dict[str, Callable[[Tensor], Tensor]] = {
    "cuda_memory": _raises(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB.")),
    "real_memory": _allocates_too_much,
    "python_memory": _raises(MemoryError()),
    "cublas_memory": _raises(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling")),
    "nan": lambda x: x * math.nan,
    "value": _raises(ValueError("two\nlines")),
    "long": _raises(RuntimeError("x" * 1000)),
}


@pytest.fixture(scope="module")
def data() -> SearchData:
    """128 of the digits to train on, 100 of minival."""
    training, minival = digits("train"), digits("test")
    return SearchData("digits", 10, training.take(np.arange(128)), minival.take(np.arange(100)))


@pytest.fixture
def evaluation(data: SearchData, tiny_space: Space) -> EvaluationSettings:
    """Two epochs of four steps."""
    special = {name: lambda block, do=do: Special(block, do) for name, do in SPECIAL.items()}
    return EvaluationSettings(
        data=data,
        backbone=tiny_space.backbone,
        recipe=proxy(EPOCHS, 32),
        operators={**OPERATORS, **special},
        versions={"torch": "1"},
    )


@pytest.fixture
def evaluator(evaluation: EvaluationSettings) -> Evaluator:
    """On the CPU."""
    return Evaluator(evaluation, CPU)


def _candidate(operator: str = "fused_mbconv", number: int = 3, seed: int = 11) -> Candidate:
    stages = (Stage(operator, 3, 1, 2, 4, 1), Stage("mbconv", 3, 2, 4, 8, 1, 0.25))
    architecture = Architecture(stages, stem_channels=4, stem_stride=2, head_channels=16)
    return Candidate(number, State.RUNNING, architecture, seed)


def _end(evaluator: Evaluator, candidate: Candidate) -> Candidate:
    *_, ended = evaluator.evaluate(candidate)
    return ended


def test_a_candidate_is_running_with_a_growing_curve_and_then_complete(
    evaluator: Evaluator,
) -> None:
    stands = list(evaluator.evaluate(_candidate()))
    assert [c.state for c in stands] == [State.RUNNING] * (EPOCHS + 2) + [State.COMPLETE]
    assert [len(c.curve) for c in stands] == [0, 1, 2, 2, 2]
    assert [c.finished_at is None for c in stands] == [True] * 4 + [False]
    ended = stands[-1]
    assert [point.epoch for point in ended.curve] == [1, 2]
    assert ended.accuracy == ended.curve[-1].accuracy
    assert 0 < ended.curve[0].elapsed_s < ended.curve[1].elapsed_s
    assert set(ended.phases_s) == {"build", "count", "step_time", "training"}
    assert ended.started_at is not None
    assert ended.finished_at is not None
    assert sum(ended.phases_s.values()) <= ended.finished_at - ended.started_at + 0.1
    assert (ended.number, ended.seed, ended.versions) == (3, 11, {"torch": "1"})
    assert reward(ended, Objective()) is not None


def test_counts_are_those_of_the_network_and_the_backbone(evaluator: Evaluator) -> None:
    """By hand, layer by layer: weights, and two for each channel of batch normalisation."""
    ended = _end(evaluator, _candidate())
    stem = 9 * 4 + 2 * 4
    fused = 9 * 4 * 8 + 2 * 8 + 8 * 4 + 2 * 4
    squeeze = (16 * 1 + 1) + (1 * 16 + 16)
    inverted = 4 * 16 + 2 * 16 + 9 * 16 + 2 * 16 + squeeze + 16 * 8 + 2 * 8
    head = 8 * 16 + 2 * 16 + 16 * 10 + 10
    assert ended.parameters == stem + fused + inverted + head
    plain = 9 * 4 + 2 * 4 + (4 * 1 + 1) + (1 * 4 + 4) + 4 * 4 + 2 * 4
    double = 4 * 8 + 2 * 8 + 9 * 8 + 2 * 8 + (8 * 1 + 1) + (1 * 8 + 8) + 8 * 8 + 2 * 8
    assert ended.reference_parameters == stem + plain + double + head
    # 8 px, 4 px behind the stem, 2 px behind the second stage; none for normalisation.
    at_4 = 16 * 9 * 4 + 16 * (9 * 4 * 8 + 8 * 4) + 16 * 64
    at_2 = 4 * (9 * 16 + 16 * 8) + 4 * 8 * 16
    assert ended.multiply_adds == at_4 + at_2 + 2 * 16 + 16 * 10


def test_the_step_is_timed_with_the_search_s_own_batch(evaluator: Evaluator) -> None:
    timed = _end(evaluator, _candidate()).step_time
    assert timed is not None
    assert (timed.batch_size, timed.image_size) == (32, 8)
    assert len(timed.samples_s) == len(timed.reference_samples_s) > 5
    assert min(*timed.samples_s, *timed.reference_samples_s) > 0
    assert timed.peak_memory_bytes > 32 * 4 * 4 * 4 * 8  # one layer's activations
    assert timed.device.endswith("1 thread")


def test_a_candidate_may_have_an_image_size_of_its_own(
    evaluation: EvaluationSettings, data: SearchData
) -> None:
    """The backbone stays at the run's: the candidate's S/S0 is that of both changes."""
    evaluator = Evaluator(replace(evaluation, image_size=6), CPU)
    plain, finer = (
        _end(evaluator, replace(_candidate(), image_size=size)) for size in (None, data.image_size)
    )
    for candidate, size in ((plain, 6), (finer, 8)):
        assert candidate.step_time is not None
        assert candidate.step_time.image_size == size
    network = Network(_candidate().architecture, data.classes, data.channels)
    for candidate, size in ((plain, 6), (finer, 8)):
        count = complexity(network, data.channels, size)
        assert candidate.multiply_adds == count.multiply_adds
    assert plain.curve != finer.curve
    own = Evaluator(evaluation, CPU)  # the data's own size is the same, asked for or not
    assert _end(own, _candidate()).accuracy == finer.accuracy


def test_a_fidelity_trains_as_a_search_of_that_fidelity_would(
    evaluation: EvaluationSettings,
) -> None:
    """The same to the bit: epochs, image size and share of the data are all that differs."""
    full = Fidelity(epochs=3, image_size=6, data_share=0.5)
    several = Evaluator(replace(evaluation, fidelities={FULL: full}), CPU)
    one = Evaluator(replace(evaluation, recipe=proxy(3, 32), image_size=6, data_share=0.5), CPU)
    candidate = replace(_candidate(), confirms=1)
    long = _end(several, replace(candidate, fidelity=FULL))
    assert long.state is State.COMPLETE, long.detail
    assert _learned(long) == _learned(_end(one, candidate))
    assert len(long.curve) == 3
    assert _learned(long) != _learned(_end(several, candidate))


def test_a_fidelity_is_timed_against_the_backbone_at_its_own_size(
    evaluation: EvaluationSettings,
) -> None:
    """At 64 px the backbone takes some ten times its step at 8 px."""
    fidelities = {FULL: Fidelity(epochs=1, image_size=64)}
    evaluator = Evaluator(replace(evaluation, fidelities=fidelities), CPU)
    backbone = Candidate(4, State.RUNNING, evaluation.backbone, 11, confirms=1, fidelity=FULL)
    timed = _end(evaluator, backbone).step_time
    assert timed is not None
    assert timed.image_size == 64
    assert 0.4 < normalized(timed) < 2.5


def test_a_fidelity_of_more_data_is_timed_with_its_own_batch(
    evaluation: EvaluationSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy's share has fewer images than a batch; full training's backbone has a whole one."""
    fidelities = {FULL: Fidelity(epochs=1, image_size=8)}
    evaluator = Evaluator(replace(evaluation, data_share=0.1, fidelities=fidelities), CPU)
    seen: list[int] = []
    with_batch = evaluator._with_batch

    def noted(network: Network, shape: tuple[int, int]) -> TimedNetwork:
        seen.append(shape[0])
        return with_batch(network, shape)

    monkeypatch.setattr(evaluator, "_with_batch", noted)
    timed = _end(evaluator, replace(_candidate(), confirms=1, fidelity=FULL)).step_time
    assert timed is not None
    assert timed.batch_size == 32
    assert 32 in seen


def test_a_share_of_the_data_is_trained_on_and_timed_with(evaluation: EvaluationSettings) -> None:
    ended = _end(Evaluator(replace(evaluation, data_share=0.1), CPU), _candidate())
    assert ended.state is State.COMPLETE
    assert ended.step_time is not None
    assert 10 <= ended.step_time.batch_size <= 16  # a tenth of each class of 128 images


def test_a_batch_larger_than_the_data_is_the_data(evaluation: EvaluationSettings) -> None:
    large = replace(evaluation, recipe=proxy(1, 1000))
    ended = _end(Evaluator(large, CPU), _candidate())
    assert ended.state is State.COMPLETE
    assert ended.step_time is not None
    assert ended.step_time.batch_size == 128


def test_an_accuracy_does_not_depend_on_what_was_evaluated_before(evaluator: Evaluator) -> None:
    first = _end(evaluator, _candidate())
    other = _end(evaluator, _candidate("mbconv", seed=12))
    _end(evaluator, _candidate("nan"))
    again = _end(evaluator, _candidate(number=9))
    assert _learned(again) == _learned(first)
    assert _learned(other) != _learned(first)


def test_the_seed_decides(evaluator: Evaluator) -> None:
    ended = [_end(evaluator, _candidate(seed=seed)) for seed in (1, 2)]
    assert _learned(ended[0]) != _learned(ended[1])


def test_timing_does_not_change_what_is_learned(
    evaluation: EvaluationSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    within = _end(Evaluator(evaluation, CPU), _candidate())
    before = _end(Evaluator(replace(evaluation, times_before_training=True), CPU), _candidate())
    monkeypatch.setattr(
        "nas.search.evaluator.TrainingTimer.__call__", lambda self, step, *batch: step(*batch)
    )
    untimed = _end(Evaluator(evaluation, CPU), _candidate())
    assert untimed.step_time is None
    assert _learned(within) == _learned(before) == _learned(untimed)


def test_a_step_that_must_be_known_is_timed_before_training(evaluation: EvaluationSettings) -> None:
    evaluator = Evaluator(replace(evaluation, times_before_training=True), CPU)
    stands = list(evaluator.evaluate(_candidate()))
    assert [len(c.curve) for c in stands] == [0, 0, 1, 2, 2, 2]
    first = stands[1].step_time
    assert first is not None
    assert stands[-1].step_time == first


def test_within_training_every_epoch_knows_the_step_better(evaluation: EvaluationSettings) -> None:
    long = replace(evaluation, recipe=proxy(8, 32))
    stands = list(Evaluator(long, CPU).evaluate(_candidate()))
    pairs = [len(c.step_time.samples_s) for c in stands if c.step_time]
    assert pairs == sorted(pairs)
    assert pairs[-1] >= FEWEST_PAIRS
    assert len(pairs) == 8 + 1  # the 5 steps of the first epoch are a warm-up


def test_one_image_s_latency_is_measured(evaluator: Evaluator) -> None:
    latency = _end(evaluator, _candidate()).inference_time_s
    assert latency is not None
    assert 0 < latency < 1


@pytest.mark.parametrize(
    ("limits", "cause", "detail"),
    [
        (Limits(max_parameters=100), "max_params", "parameters, over --max-params 100"),
        (Limits(max_step_time=1e-6), "max_step_time", "over --max-step-time 1e-06"),
        (Limits(max_memory_bytes=1000), "max_memory", "bytes, over --max-memory 1,000"),
    ],
)
def test_a_candidate_outside_the_limits_is_infeasible_and_costs_no_training(
    evaluation: EvaluationSettings, tmp_path: Path, limits: Limits, cause: str, detail: str
) -> None:
    ended = _end(Evaluator(replace(evaluation, limits=limits), CPU), _candidate())
    assert (ended.state, ended.cause, ended.curve) == (State.INFEASIBLE, cause, ())
    assert detail in (ended.detail or "")
    assert ended.parameters is not None
    assert (ended.step_time is not None) == (cause != "max_params")
    assert "training" not in ended.phases_s
    assert reward(ended, Objective()) is None
    _assert_can_be_recorded(ended, tmp_path)


def test_a_candidate_within_the_limits_is_trained(evaluation: EvaluationSettings) -> None:
    limits = Limits(max_parameters=10**6, max_step_time=1e3, max_memory_bytes=10**12)
    assert (
        _end(Evaluator(replace(evaluation, limits=limits), CPU), _candidate()).accuracy is not None
    )


def test_a_batch_that_does_not_fit_is_trained_on_in_parts(
    evaluation: EvaluationSettings, tmp_path: Path
) -> None:
    """A network that has room for ten images: 32 and 16 do not fit, 8 do."""

    def room_for_ten(x: Tensor) -> Tensor:
        if len(x) > 10:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return x

    operators = {**OPERATORS, "tight": lambda block: Special(block, room_for_ten)}
    for before in (False, True):
        tight = replace(evaluation, operators=operators, times_before_training=before)
        ended = _end(Evaluator(tight, CPU), _candidate("tight"))
        assert ended.state is State.COMPLETE
        assert ended.step_time is not None
        assert (ended.step_time.batch_size, ended.step_time.micro_batch_size) == (32, 8)
        assert len(ended.curve) == EPOCHS
        _assert_can_be_recorded(ended, tmp_path / str(before))


@pytest.mark.parametrize(
    ("operator", "cause", "detail"),
    [
        ("cuda_memory", "out_of_memory", "CUDA out of memory. Tried to allocate 9 GiB."),
        ("real_memory", "out_of_memory", "you tried to allocate 1125899906842624 bytes"),
        ("python_memory", "out_of_memory", "MemoryError"),
        ("cublas_memory", "out_of_memory", "CUBLAS_STATUS_ALLOC_FAILED"),
        ("nan", "diverged", "loss nan in epoch 1"),
        ("value", "error", "ValueError: two lines"),
        ("long", "error", "RuntimeError: xxxx"),
        ("unheard_of", "error", "ValueError: operator: got 'unheard_of', must be one of"),
    ],
)
def test_what_goes_wrong_is_a_state_and_a_cause_and_the_next_candidate_is_fine(
    evaluator: Evaluator, tmp_path: Path, operator: str, cause: str, detail: str
) -> None:
    ended = _end(evaluator, _candidate(operator))
    assert (ended.state, ended.cause, ended.accuracy) == (State.FAILED, cause, None)
    assert ended.detail is not None
    assert detail in ended.detail
    assert "\n" not in ended.detail
    assert len(ended.detail) < 330
    assert reward(ended, Objective()) is None
    _assert_can_be_recorded(ended, tmp_path)
    assert _end(evaluator, _candidate()).state is State.COMPLETE


def test_a_time_limit_that_passes_ends_the_candidate(
    evaluation: EvaluationSettings, tmp_path: Path
) -> None:
    short = replace(evaluation, time_limit_s=1e-6)
    for before, detail in ((False, "in epoch 1 of 2"), (True, "while its training step was timed")):
        evaluator = Evaluator(replace(short, times_before_training=before), CPU)
        ended = _end(evaluator, _candidate())
        assert (ended.state, ended.cause, ended.detail) == (State.FAILED, "time_limit", detail)
        assert ended.parameters is not None  # what was counted stays
        _assert_can_be_recorded(ended, tmp_path / str(before))


def test_a_candidate_that_diverges_late_keeps_its_curve(
    evaluation: EvaluationSettings, tmp_path: Path
) -> None:
    steps = iter(range(10_000))

    def late(x: Tensor) -> Tensor:
        return x * (math.nan if next(steps) > 5 else 1)

    operators = {**OPERATORS, "nan": lambda block: Special(block, late)}
    ended = _end(Evaluator(replace(evaluation, operators=operators), CPU), _candidate("nan"))
    assert (ended.cause, ended.detail) == ("diverged", "loss nan in epoch 2")
    assert len(ended.curve) == 1
    assert ended.accuracy is None
    _assert_can_be_recorded(ended, tmp_path)


def test_a_failed_network_is_gone_before_its_memory_is_given_back(
    evaluation: EvaluationSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers: list[weakref.ref[nn.Module]] = []
    alive: list[bool] = []
    collect = gc.collect

    def watched_layer(block: Block) -> nn.Module:
        layer = Special(block, SPECIAL["nan"])
        layers.append(weakref.ref(layer))
        return layer

    def watched_collect() -> int:
        found = collect()
        alive.extend(layer() is not None for layer in layers)
        return found

    monkeypatch.setattr(gc, "collect", watched_collect)
    operators = {**OPERATORS, "nan": watched_layer}
    ended = _end(Evaluator(replace(evaluation, operators=operators), CPU), _candidate("nan"))
    assert ended.state is State.FAILED
    assert alive == [False]


def test_ctrl_c_is_not_the_candidates_fault(
    evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nas.search.evaluator.Training.epochs", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _end(evaluator, _candidate())


def test_a_failed_candidate_holds_the_last_calls_but_no_folders(evaluator: Evaluator) -> None:
    ended = _end(evaluator, _candidate("value"))
    assert ended.trace is not None
    *calls, _, message, rest = ended.trace.splitlines()
    assert any(" in forward: return self.do(y) if self.training else y" in call for call in calls)
    assert (message, rest) == ("ValueError: two", "lines")
    assert str(Path(__file__).parents[1]) not in ended.trace
    assert all(line.count("/") <= 2 for line in calls)


def test_of_a_diverged_one_the_detail_says_it_all(evaluator: Evaluator) -> None:
    ended = _end(evaluator, _candidate("nan"))
    assert (ended.cause, ended.trace) == ("diverged", None)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (Diverged("loss nan"), "diverged"),
        (TimeLimitExceeded("in epoch 1"), "time_limit"),
        (torch.OutOfMemoryError(), "out_of_memory"),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried"), "out_of_memory"),
        (OSError(12, "Cannot allocate memory"), "out_of_memory"),
        (ZeroDivisionError(), "error"),
    ],
)
def test_failure_causes(error: Exception, cause: str) -> None:
    assert failure(error)[0] == cause
    assert failure(error)[1]


def _learned(candidate: Candidate) -> list[tuple[float, float]]:
    return [(point.loss, point.accuracy) for point in candidate.curve]


def _assert_can_be_recorded(candidate: Candidate, directory: Path) -> None:
    directory.mkdir(exist_ok=True)
    with Record.open(sqlite_url(directory / "record.sqlite"), "run") as record:
        record.create({})
        record.start(replace(candidate, state=State.RUNNING))
        record.finish(candidate)
        assert record.candidates() == [candidate]
