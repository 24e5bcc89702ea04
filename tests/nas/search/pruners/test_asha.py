"""Successive halving on the reward, with the decisions of Ray Tune's scheduler."""

from __future__ import annotations

import random
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.schedulers import AsyncHyperBandScheduler

from nas.search.pruners.asha import Asha
from nas.search.pruners.base import first_stop, tell_pruners
from results.candidate import Candidate
from reward.objective import Objective
from reward.step_time.measurement import StepTime
from tests.nas.search.pruners.conftest import EPOCHS, after, made


def _pruner(grace: int = 1, reduction: int = 2) -> Asha:
    return Asha(Objective(), EPOCHS, grace, reduction)


def _curves(count: int, seed: int = 0) -> list[list[float]]:
    generator = random.Random(seed)
    return [sorted(generator.random() for _ in range(EPOCHS)) for _ in range(count)]


@pytest.mark.parametrize(("grace", "reduction"), [(1, 2), (2, 3), (5, 2), (1, 4)])
def test_it_decides_as_tunes_own_scheduler_does(grace: int, reduction: int) -> None:
    tunes = AsyncHyperBandScheduler(
        "epoch", "reward", "max", EPOCHS, grace_period=grace, reduction_factor=reduction
    )
    pruner, ends, controller = _pruner(grace, reduction), [], None
    for number, curve in enumerate(_curves(40)):
        candidate = made(number, curve, step_time=0.5 + number / 20)
        factor = (0.5 + number / 20) ** -0.07
        trial: Any = SimpleNamespace(trial_id=str(number))
        tunes.on_trial_add(controller, trial)  # type: ignore[arg-type]
        for epoch in range(1, EPOCHS):
            result = {"epoch": epoch, "reward": curve[epoch - 1] * factor}
            action = tunes.on_trial_result(controller, trial, result)  # type: ignore[arg-type]
            is_stopped = first_stop(after(candidate, epoch), [pruner]) is not None
            assert is_stopped == (action == "STOP")
            if is_stopped:
                pruner.ended(after(candidate, epoch))
                ends.append(epoch)
                break
        else:
            pruner.ended(candidate)
    assert ends  # some were stopped, some not
    assert len(ends) < 40


def test_a_pruner_rebuilt_from_the_record_decides_as_an_uninterrupted_one() -> None:
    """Rebuilt after each candidate, which are told in random order."""
    uninterrupted, record = _pruner(), list[Candidate]()
    for number, curve in enumerate(_curves(30)):
        candidate = made(number, curve)
        resumed = _pruner()
        tell_pruners([resumed], random.Random(number).sample(record, len(record)))
        ends = None
        for epoch in range(1, EPOCHS + 1):
            ends = first_stop(after(candidate, epoch), [uninterrupted])
            also = first_stop(after(candidate, epoch), [resumed])
            assert (also is None) == (ends is None)
            if ends is not None:
                break
        record.append(ends or candidate)
        uninterrupted.ended(record[-1])
    assert len({candidate.state for candidate in record}) == 2


def test_it_is_the_reward_that_counts_not_the_accuracy() -> None:
    pruner = _pruner()
    pruner.verdict(after(made(0, [0.5] * EPOCHS), 1))
    fast, slow = made(1, [0.49] * EPOCHS, step_time=0.1), made(2, [0.51] * EPOCHS, step_time=10)
    assert pruner.verdict(after(fast, 1)) is None
    why = pruner.verdict(after(slow, 1))
    assert why is not None
    assert "reward 0.4341 after epoch 1 is" in why


def test_nothing_is_stopped_after_its_last_epoch() -> None:
    pruner = Asha(Objective(), epochs=4, grace=1, reduction=2)
    pruner.ended(made(0, [0.9] * 4))
    assert pruner.verdict(after(made(1, [0.1] * 4), 4)) is None
    assert pruner.verdict(after(made(1, [0.1] * 4), 3)) is not None


def test_epochs_before_the_step_was_timed_are_judged_later() -> None:
    pruner, weak = _pruner(), made(1, [0.1] * EPOCHS)
    pruner.ended(made(0, [0.9] * EPOCHS))
    assert pruner.verdict(replace(after(weak, 1), step_time=None)) is None
    assert pruner.verdict(after(weak, 2)) is not None


def test_a_step_time_that_was_refined_changes_the_rungs() -> None:
    """The first candidate ends ten times slower than measured, so the second is good enough."""
    first, second = made(0, [0.5] * EPOCHS), after(made(1, [0.45] * EPOCHS), 1)
    rough, refined = _pruner(), _pruner()
    for pruner in (rough, refined):
        pruner.verdict(after(first, 1))
    rough.ended(first)
    refined.ended(replace(first, step_time=StepTime((10.0,) * 6, (1.0,) * 6, 1, "cpu", 8, 4)))
    assert rough.verdict(second) is not None
    assert refined.verdict(second) is None


def test_a_candidate_that_starts_again_is_forgotten() -> None:
    pruner = _pruner()
    pruner.verdict(after(made(0, [0.9] * EPOCHS), 1))
    pruner.ended(replace(made(0, []), curve=()))
    assert pruner.verdict(after(made(1, [0.1] * EPOCHS), 1)) is None
