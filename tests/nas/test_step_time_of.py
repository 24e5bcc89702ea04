"""A measured step in a process of its own."""

from __future__ import annotations

import pytest

from nas.errors import UserError
from nas.step_time_of import Timed, step_time_of
from reward.step_time_statistics import normalized
from scaling.non_uniform import grow
from search_space.architecture import Architecture, Stage
from search_space.spaces import small

SMALL = small(8).backbone


def test_a_larger_network_takes_longer() -> None:
    own, reference = Timed(grow(SMALL, 3), 8), Timed(SMALL, 8)
    measured = step_time_of(own, reference, classes=10, in_channels=1)
    assert normalized(measured) > 1.5
    assert measured.batch_size == 128
    assert measured.peak_memory_bytes > 0


def test_a_process_that_fails_says_why() -> None:
    unknown = Timed(Architecture((Stage("mine", 3, 1, 1, 8, 1),), 8), 8)
    with pytest.raises(UserError, match="operator: got 'mine'") as error:
        step_time_of(unknown, unknown, 10, 1)
    assert error.value.exit_code == 1
