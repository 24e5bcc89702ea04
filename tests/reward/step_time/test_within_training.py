"""Which of training's steps are timed, and what that costs, by a clock of the test's own."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

import pytest
import torch
from torch import Tensor

from nas.training.step import TrainingStep
from reward.step_time.measurement import FEWEST_PAIRS, SLOWED_THROUGHOUT, TimeLimitExceeded
from reward.step_time.paired import UsualStep
from reward.step_time.within_training import FIRST_ROW, FIRST_TIMED, FURTHER_ROW, TrainingTimer

CPU = torch.device("cpu")
IMAGES, LABELS = torch.zeros(2, 1, 4, 4), torch.zeros(2, dtype=torch.long)
OWN_S, REFERENCE_S = 2.0, 1.0
NEVER = -1.0  # as precise as no measurement is


class Machine:
    """Its steps take what the test says, on both clocks; it remembers their order."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.reference_s = REFERENCE_S
        self.own_s: Callable[[int], float] = lambda i: OWN_S  # of the i-th step
        self.order: list[str] = []

    def clock(self) -> float:
        return self.now_s

    def step(self, images: Tensor, labels: Tensor) -> Tensor:
        """Training's own; its loss is its number."""
        self.now_s += self.own_s(self.order.count("own"))
        self.order.append("own")
        return torch.tensor(float(self.order.count("own")))

    def reference(self, mode: str) -> None:
        assert mode == "eager"
        self.now_s += self.reference_s
        self.order.append("reference")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    for module in (
        "reward.step_time.clocks.time.process_time",
        "reward.step_time.within_training.time.monotonic",
    ):
        monkeypatch.setattr(module, machine.clock)

    def unmeasured(step: Callable[[], object], *_: object) -> int:
        step()
        return 0

    monkeypatch.setattr("reward.step_time.within_training.peak_memory_bytes", unmeasured)
    return machine


def _timer(
    machine: Machine, share: float, half_width: float = NEVER, usual: UsualStep | None = None
) -> TrainingTimer:
    return TrainingTimer(machine.reference, CPU, half_width, share, usual)


def _train(timer: TrainingTimer, machine: Machine, steps: int) -> list[float]:
    """The losses of so many steps."""
    step = cast("TrainingStep", _Step(machine))
    return [float(timer(step, IMAGES, LABELS)) for _ in range(steps)]


class _Step:
    """What the timer reads of a TrainingStep."""

    micro_batch = network = optimizer = failure = None
    mode = "eager"
    warmup = 2

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        return self._machine.step(images, labels)


def test_every_step_trains_and_returns_its_own_loss(machine: Machine) -> None:
    assert _train(_timer(machine, 0.1), machine, 100) == [float(i + 1) for i in range(100)]


def test_pairs_come_in_rows(machine: Machine) -> None:
    timer = _timer(machine, share=0.1)
    _train(timer, machine, 62)
    first, further = (
        ["reference", *(["own", "reference"] * pairs)] for pairs in (FIRST_ROW, FURTHER_ROW)
    )
    references = (first + further).count("reference")
    untimed = FIRST_TIMED - 1
    so_far_s = (untimed + FIRST_ROW) * OWN_S + first.count("reference") * REFERENCE_S
    between = references * REFERENCE_S / 0.1 - so_far_s  # until they are a tenth of it
    owns = ["own"] * math.ceil(between / OWN_S)
    expected = ["own"] * untimed + first + owns + further
    assert machine.order[: len(expected)] == expected
    timed = timer.step_time()
    assert timed is not None
    assert timed.samples_s == pytest.approx([OWN_S] * (FIRST_ROW + FURTHER_ROW))
    assert timed.reference_samples_s == pytest.approx([REFERENCE_S] * (FIRST_ROW + FURTHER_ROW))


@pytest.mark.parametrize("share", [0.01, 0.035, 0.2])
def test_reference_steps_stay_within_their_share(machine: Machine, share: float) -> None:
    _train(_timer(machine, share), machine, 2000)
    spent_s = machine.order.count("reference") * REFERENCE_S
    row_s = (1 + FURTHER_ROW) * REFERENCE_S
    assert share * machine.now_s - row_s <= spent_s <= share * machine.now_s


def test_what_was_spent_is_the_reference_s_time(machine: Machine) -> None:
    timer = _timer(machine, 0.1)
    _train(timer, machine, 300)
    watched_s = OWN_S  # taken off once, for the step that trained while it was watched
    assert timer.spent_s == pytest.approx(
        machine.order.count("reference") * REFERENCE_S, abs=watched_s
    )


def test_a_precise_measurement_ends_it(machine: Machine) -> None:
    timer = _timer(machine, share=1.0, half_width=0.02)
    _train(timer, machine, 1000)
    timed = timer.step_time()
    assert timed is not None
    assert timed.is_precise
    assert FEWEST_PAIRS <= len(timed.samples_s) <= FEWEST_PAIRS + FURTHER_ROW


def test_nothing_is_known_before_the_first_pair(machine: Machine) -> None:
    timer = _timer(machine, share=0.1)
    _train(timer, machine, FIRST_TIMED - 1)
    assert timer.step_time() is None


def test_what_is_missing_is_made_up_for_afterwards(machine: Machine) -> None:
    timer = _timer(machine, share=0.0001)
    _train(timer, machine, FIRST_TIMED + 2)
    timed = timer.step_time()
    assert timed is not None
    assert len(timed.samples_s) == 3
    timer.top_up(FEWEST_PAIRS, math.inf)
    timed = timer.step_time()
    assert timed is not None
    assert len(timed.samples_s) == FEWEST_PAIRS
    assert timed.unsteady is None


def _timer_on_a_machine_that_became_slower(machine: Machine) -> TrainingTimer:
    """All that it has are slowed pairs, of a candidate after another that was timed as usual."""
    usual = UsualStep()
    _train(_timer(machine, 0.5, usual=usual), machine, 300)
    timer = _timer(machine, share=0.0001, usual=usual)
    machine.reference_s = 1.5 * REFERENCE_S
    _train(timer, machine, 20)
    return timer


def test_slowed_pairs_are_taken_again(machine: Machine) -> None:
    timer = _timer_on_a_machine_that_became_slower(machine)
    timed = timer.step_time()
    assert timed is not None
    assert timed.unsteady == SLOWED_THROUGHOUT
    machine.reference_s = REFERENCE_S
    _train(timer, machine, 100)  # soon, and within training
    timed = timer.step_time()
    assert timed is not None
    assert timed.reference_samples_s == pytest.approx([REFERENCE_S] * (2 * FURTHER_ROW))
    assert timed.unsteady is None


def test_a_machine_that_stays_slower_gets_its_measurement_all_the_same(machine: Machine) -> None:
    timer = _timer_on_a_machine_that_became_slower(machine)
    timer.top_up(FEWEST_PAIRS, math.inf)
    timed = timer.step_time()
    assert timed is not None
    assert len(timed.samples_s) == FEWEST_PAIRS
    assert timed.unsteady == SLOWED_THROUGHOUT


def test_pairs_that_scatter_are_worth_twice_the_share(machine: Machine) -> None:
    machine.own_s = lambda i: OWN_S * (0.7, 1.0, 1.3)[i % 3]
    _train(_timer(machine, share=0.01), machine, 1000)
    spent_s = machine.order.count("reference") * REFERENCE_S
    row_s = (1 + FURTHER_ROW) * REFERENCE_S
    assert 2 * 0.01 * machine.now_s - row_s <= spent_s <= 2 * 0.01 * machine.now_s


def test_what_scatters_no_more_is_worth_no_more(machine: Machine) -> None:
    machine.own_s = lambda i: OWN_S * ((0.9, 1.0, 1.1)[i % 3] if i < 10 else 1.0)
    timer = _timer(machine, share=0.01)
    _train(timer, machine, 1000)
    assert machine.order.count("reference") * REFERENCE_S <= 0.01 * machine.now_s
    timed = timer.step_time()
    assert timed is not None
    assert timed.unsteady is None


def test_making_up_knows_the_deadline(machine: Machine) -> None:
    timer = _timer(machine, share=0.0001)
    _train(timer, machine, FIRST_TIMED)
    with pytest.raises(TimeLimitExceeded, match="timed"):
        timer.top_up(FEWEST_PAIRS, machine.now_s - 1)
