"""Steps timed in turn, by a clock of the test's own."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from statistics import median

import pytest
import torch

from reward.step_time.measurement import FEWEST_PAIRS
from reward.step_time.paired import (
    WARMUP_STEPS,
    PairedTimer,
    Precision,
    UsualStep,
    paired_step_times,
)

CPU = torch.device("cpu")
LOOSE = Precision(half_width=1.0, cap_s=100.0)


class Clock:
    """Processor time that passes when the test says so."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def step(self, seconds: Iterator[float]) -> Callable[[], None]:
        """A step that takes what comes next."""

        def step() -> None:
            self.now_s += next(seconds)

        return step


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """In place of the process's, and of the one on the wall."""
    clock = Clock()
    monkeypatch.setattr("reward.step_time.clocks.time.process_time", clock)
    monkeypatch.setattr("reward.step_time.paired.time.monotonic", clock)
    return clock


@pytest.fixture(autouse=True)
def _garbage_collection_is_on() -> Iterator[None]:
    assert gc.isenabled()
    yield
    gc.enable()


def _forever(*seconds: float) -> Iterator[float]:
    while True:
        yield from seconds


def test_steps_take_turns_after_a_warmup() -> None:
    order: list[str] = []
    paired_step_times(
        lambda: order.append("own"), lambda: order.append("reference"), CPU, LOOSE, warmup=2
    )
    pairs = len(order) // 2
    assert order == ["own", "reference"] * pairs
    assert pairs >= 2 + FEWEST_PAIRS


def test_steady_steps_need_the_fewest_pairs(clock: Clock) -> None:
    calls: list[int] = []
    candidate, reference = clock.step(_forever(0.2)), clock.step(_forever(0.1))

    def step() -> None:
        calls.append(1)
        candidate()

    timer = paired_step_times(step, reference, CPU, Precision(0.02, 100))
    assert timer.is_precise
    assert timer.count == FEWEST_PAIRS
    assert len(calls) == WARMUP_STEPS + FEWEST_PAIRS
    samples, reference_samples = timer.samples()
    assert samples == pytest.approx([0.2] * FEWEST_PAIRS)
    assert reference_samples == pytest.approx([0.1] * FEWEST_PAIRS)


def test_noisy_steps_need_more_until_the_interval_is_narrow(clock: Clock) -> None:
    candidate = clock.step(_forever(0.20, 0.21, 0.20, 0.19, 0.22, 0.2, 0.2))
    timer = paired_step_times(
        candidate, clock.step(_forever(0.1)), CPU, Precision(0.03, 1000), warmup=0
    )
    assert timer.is_precise
    assert timer.count > FEWEST_PAIRS


def test_the_cap_ends_what_does_not_become_precise(clock: Clock) -> None:
    candidate = clock.step(_forever(0.1, 0.4))
    timer = paired_step_times(
        candidate, clock.step(_forever(0.1)), CPU, Precision(0.001, 10), warmup=0
    )
    assert not timer.is_precise
    assert 10 <= clock.now_s < 11


def test_three_pairs_are_taken_however_long_they_take(clock: Clock) -> None:
    candidate, reference = clock.step(_forever(50)), clock.step(_forever(50))
    timer = paired_step_times(candidate, reference, CPU, Precision(0.02, 10))
    assert timer.count == 3
    assert clock.now_s == (3 + 3) * 100  # the warm-up is cut to three steps as well


def test_drift_cancels_in_the_ratio(clock: Clock) -> None:
    """A machine that slows down by half under the measurement."""
    speed = 1.0

    def work(amount: float) -> None:
        nonlocal speed
        clock.now_s += amount / speed
        speed *= 0.98

    timer = PairedTimer(CPU, half_width=0.0)
    for _ in range(17):
        timer.pair(lambda: work(3.0), lambda: work(1.0))
    candidate, others = timer.samples()
    assert candidate[-1] > 1.5 * candidate[0]
    assert median(candidate) / median(others) == pytest.approx(3.0, rel=0.03)


def test_slowed_pairs_are_set_aside(clock: Clock) -> None:
    usual = UsualStep()
    timer = PairedTimer(CPU, 0.0, usual)
    references = iter([*[0.1] * 8, *[0.15] * 3, 0.1])
    for reference_s in references:
        timer.pair(clock.step(_forever(0.2)), clock.step(_forever(reference_s)))
    assert (timer.count, timer.taken, timer.needs_slowed) == (9, 12, False)
    assert timer.samples()[1] == pytest.approx([0.1] * 9)


def test_the_least_slowed_pairs_make_up_for_what_is_missing(clock: Clock) -> None:
    usual = UsualStep()
    for _ in range(20):
        usual.observe(0.1)
    timer = PairedTimer(CPU, 0.0, usual)
    for reference_s in (0.1, 0.2, 0.15, 0.1):
        timer.pair(clock.step(_forever(2 * reference_s)), clock.step(_forever(reference_s)))
    candidate, references = timer.samples()
    assert timer.needs_slowed
    assert references == pytest.approx([0.1, 0.1, 0.15, 0.2])
    assert candidate == pytest.approx([0.2, 0.2, 0.3, 0.4])
    for _ in range(FEWEST_PAIRS):
        timer.pair(clock.step(_forever(0.2)), clock.step(_forever(0.1)))
    assert not timer.needs_slowed
    assert timer.samples()[1] == pytest.approx([0.1] * (2 + FEWEST_PAIRS))


def test_a_pair_returns_what_the_step_returns() -> None:
    assert PairedTimer(CPU, 0.1).pair(lambda: "loss", lambda: None) == "loss"


def test_waiting_does_not_count() -> None:
    """The clock is the process's own, which a neighbour on another core does not stop."""
    timer = PairedTimer(CPU, 0.1)
    timer.pair(lambda: time.sleep(0.1), lambda: None)
    assert timer.samples()[0][0] < 0.05


def test_garbage_is_not_collected_while_the_clock_runs() -> None:
    states: list[bool] = []
    PairedTimer(CPU, 0.1).pair(lambda: states.append(gc.isenabled()), lambda: None)
    assert states == [False]
    assert gc.isenabled()


def test_garbage_collection_is_on_again_after_an_error() -> None:
    def step() -> None:
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        PairedTimer(CPU, 0.1).pair(step, lambda: None)
    assert gc.isenabled()


def test_garbage_collection_stays_off_where_it_was() -> None:
    gc.disable()
    PairedTimer(CPU, 0.1).pair(lambda: None, lambda: None)
    assert not gc.isenabled()


def test_defaults() -> None:
    assert Precision.default(CPU) == Precision(0.02, 30.0)
    assert Precision.default(torch.device("cuda"), 5.0) == Precision(0.01, 5.0)


@pytest.mark.gpu
def test_a_gpus_time_is_the_devices() -> None:
    device = torch.device("cuda")
    x = torch.randn(4096, 4096, device=device)

    def step() -> None:
        for _ in range(3):
            torch.mm(x, x)

    timer = paired_step_times(step, lambda: torch.mm(x, x), device, Precision.default(device))
    candidate, others = timer.samples()
    assert 2 < median(candidate) / median(others) < 4
