"""The measurements of a network in a process of its own."""

from __future__ import annotations

import pytest
from torch import nn

from nas.bench.measure import MeasurementRequest, SizedArchitecture, measure_in_subprocess
from nas.errors import UserError
from reward.complexity import count_parameters
from reward.step_time.measurement import normalized
from scaling.non_uniform import grow
from search_space.architecture import Architecture, Block, Stage
from search_space.operators import OPERATORS
from search_space.spaces import small
from search_space.task import Task

SMALL = small(8).backbone
DIGITS = Task(10, 1)


def test_a_larger_network_takes_longer() -> None:
    large = grow(SMALL, 3)
    asked = MeasurementRequest(
        SizedArchitecture(large, 8, eval_size=16), SizedArchitecture(SMALL, 8), DIGITS, cap_s=0.5
    )
    answer = measure_in_subprocess(asked)
    assert normalized(answer.step_time) > 1.5
    assert (answer.step_time.batch_size, answer.step_time.image_size) == (128, 8)
    assert answer.step_time.peak_memory_bytes > 0
    assert answer.parameters == count_parameters(large, DIGITS)
    assert sum(answer.batch_latencies_s) > 5 * sum(answer.latencies_s)


def test_the_batch_size_is_the_askers() -> None:
    one = SizedArchitecture(SMALL, 8)
    answer = measure_in_subprocess(MeasurementRequest(one, one, DIGITS, batch_size=6, cap_s=0.1))
    assert answer.step_time.batch_size == 6
    assert 0.5 < normalized(answer.step_time) < 2


def test_an_operator_that_nobody_knows_is_bad_input() -> None:
    unknown = SizedArchitecture(Architecture((Stage("mine", 3, 1, 1, 8, 1),), 8), 8)
    with pytest.raises(UserError, match="operator: got 'mine', must be one of ") as error:
        measure_in_subprocess(MeasurementRequest(unknown, unknown, DIGITS))
    assert error.value.exit_code == 2


def test_a_process_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def of_a_script(block: Block) -> nn.Module:  # which another process cannot import
        return nn.Identity()

    of_a_script.__module__ = "__main__"
    monkeypatch.setitem(OPERATORS, "mine", of_a_script)
    unknown = SizedArchitecture(Architecture((Stage("mine", 3, 1, 1, 8, 1),), 8), 8)
    with pytest.raises(UserError, match="operator: got 'mine'") as error:
        measure_in_subprocess(MeasurementRequest(unknown, unknown, DIGITS))
    assert error.value.exit_code == 1
