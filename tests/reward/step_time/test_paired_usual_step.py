"""A step that took longer than usual is told; a machine that stays slower is the usual one."""

from __future__ import annotations

import numpy as np

from reward.step_time.paired import UsualStep


def _after(*seconds: float) -> UsualStep:
    usual = UsualStep()
    for taken in seconds:
        usual.observe(taken)
    return usual


def test_a_step_over_a_tenth_slower_is_slowed() -> None:
    usual = _after(*[0.02] * 20)
    assert not usual.observe(0.0219)
    assert usual.observe(0.0221)
    assert not usual.observe(0.01)


def test_where_steps_scatter_more_only_more_is_slowed() -> None:
    """Noise is not chosen among: of 1,000 steps that scatter by 20 %, a few count as slowed."""
    noise = np.random.default_rng(0).lognormal(sigma=0.2, size=1000)
    usual = UsualStep()
    assert sum(usual.observe(float(seconds)) for seconds in noise) < 20


def test_nothing_is_slowed_before_eight_are_known() -> None:
    assert not _after(*[0.02] * 7).observe(0.1)
    assert _after(*[0.02] * 8).observe(0.1)


def test_some_slow_steps_do_not_change_what_is_usual() -> None:
    assert _after(*[0.02] * 40, *[0.03] * 24).observe(0.03)


def test_a_machine_that_stays_slower_is_the_usual_one() -> None:
    usual = _after(*[0.02] * 64)
    slowed = [usual.observe(0.03) for _ in range(64)]
    assert slowed[:31] == [True] * 31
    assert not any(slowed[33:])
