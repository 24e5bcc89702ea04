"""A network at a limit is allowed, and one above it is infeasible."""

from __future__ import annotations

import pytest

from reward.limits import Infeasible, Limits
from reward.step_time.measurement import StepTime

TIMED = StepTime((3.0,) * 7, (2.0,) * 7, 10**9, "cpu", 32, 8)


def test_without_limits_everything_is_allowed() -> None:
    Limits().check_parameters(10**12)
    Limits().check_step_time(TIMED)
    assert not Limits(max_parameters=1).needs_timing


def test_at_the_limit_is_within() -> None:
    limits = Limits(max_parameters=5, max_step_time=1.5, max_memory_bytes=10**9)
    limits.check_parameters(5)
    limits.check_step_time(TIMED)
    assert limits.needs_timing


@pytest.mark.parametrize(
    ("limits", "cause", "message"),
    [
        (Limits(max_parameters=999), "max_params", "1,000 parameters, over --max-params 999"),
        (Limits(max_step_time=1.4), "max_step_time", "step 1.5 x the backbone's, over"),
        (Limits(max_memory_bytes=10**9 - 1), "max_memory", "peak 1,000,000,000 bytes, over"),
    ],
)
def test_over_the_limit(limits: Limits, cause: str, message: str) -> None:
    def check() -> None:
        limits.check_parameters(1000)
        limits.check_step_time(TIMED)

    with pytest.raises(Infeasible, match=message) as error:
        check()
    assert error.value.cause == cause
