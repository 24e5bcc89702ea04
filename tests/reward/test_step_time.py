"""Steps timed in turn, by a clock of the test's own."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from statistics import median

import pytest
import torch

from reward.step_time import PAIRS, WARMUP_STEPS, device_name, paired_step_times

CPU = torch.device("cpu")


class Clock:
    """Processor time that passes when the test says so."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """In place of the process's."""
    clock = Clock()
    monkeypatch.setattr("reward.step_time.time.process_time", clock)
    return clock


@pytest.fixture(autouse=True)
def _garbage_collection_is_on() -> Iterator[None]:
    assert gc.isenabled()
    yield
    gc.enable()


def test_steps_take_turns_after_a_warmup() -> None:
    order: list[str] = []
    own, others = paired_step_times(
        lambda: order.append("own"), lambda: order.append("reference"), CPU, warmup=2, pairs=3
    )
    assert order == ["own", "reference"] * 5
    assert (len(own), len(others)) == (3, 3)


def test_defaults() -> None:
    calls: list[int] = []
    own, others = paired_step_times(lambda: calls.append(1), lambda: None, CPU)
    assert len(calls) == WARMUP_STEPS + PAIRS
    assert len(own) == len(others) == PAIRS


def test_times_are_those_of_each_step_and_not_of_the_warmup(clock: Clock) -> None:
    times = iter([9.0, 1.0, 2.0, 4.0])

    def step() -> None:
        clock.now_s += next(times)

    def reference() -> None:
        clock.now_s += 0.5

    own, others = paired_step_times(step, reference, CPU, warmup=1, pairs=3)
    assert own == (1.0, 2.0, 4.0)
    assert others == (0.5, 0.5, 0.5)


def test_drift_cancels_in_the_ratio(clock: Clock) -> None:
    """A machine that slows down by half under the measurement."""
    speed = 1.0

    def work(amount: float) -> None:
        nonlocal speed
        clock.now_s += amount / speed
        speed *= 0.98

    own, others = paired_step_times(lambda: work(3.0), lambda: work(1.0), CPU, warmup=0, pairs=17)
    assert own[-1] > 1.5 * own[0]
    assert median(own) / median(others) == pytest.approx(3.0, rel=0.03)


def test_waiting_does_not_count() -> None:
    """The clock is the process's own, which a neighbour on another core does not stop."""
    own, _ = paired_step_times(lambda: time.sleep(0.1), lambda: None, CPU, warmup=0, pairs=1)
    assert own[0] < 0.05


def test_garbage_is_not_collected_while_the_clock_runs() -> None:
    states: list[bool] = []
    paired_step_times(lambda: states.append(gc.isenabled()), lambda: None, CPU, 1, 3)
    assert states[1:] == [False] * 3
    assert gc.isenabled()


def test_garbage_collection_is_on_again_after_an_error() -> None:
    calls = iter(range(10))

    def step() -> None:
        if next(calls) == 2:
            raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        paired_step_times(step, lambda: None, CPU, warmup=1, pairs=5)
    assert gc.isenabled()


def test_garbage_collection_stays_off_where_it_was() -> None:
    gc.disable()
    paired_step_times(lambda: None, lambda: None, CPU, 0, 1)
    assert not gc.isenabled()


@pytest.mark.parametrize(("threads", "end"), [(1, ", 1 thread"), (2, ", 2 threads")])
def test_a_cpus_name_says_its_threads(
    threads: int, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    name = device_name(CPU)
    assert name.endswith(end)
    assert len(name) > len(end)


def test_a_cpus_name_without_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(*_: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr("reward.step_time.Path.read_text", unreadable)
    monkeypatch.setattr("reward.step_time.platform.processor", lambda: "arm")
    assert device_name(CPU).startswith("arm, ")


@pytest.mark.gpu
def test_a_gpus_time_is_the_devices() -> None:
    device = torch.device("cuda")
    x = torch.randn(4096, 4096, device=device)

    def step() -> None:
        for _ in range(3):
            torch.mm(x, x)

    own, others = paired_step_times(step, lambda: torch.mm(x, x), device)
    assert 2 < median(own) / median(others) < 4
    assert device_name(device) == torch.cuda.get_device_name(device)
