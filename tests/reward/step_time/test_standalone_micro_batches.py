"""Smaller and smaller parts of a batch."""

from __future__ import annotations

import pytest

from reward.step_time.standalone import micro_batches


@pytest.mark.parametrize(
    ("batch_size", "tried"),
    [
        (32, [None, 16, 8, 4, 2]),
        (48, [None, 24, 12, 6, 3, 2]),
        (5, [None, 3, 2]),
        (2, [None]),
    ],
)
def test_halves_down_to_two(batch_size: int, tried: list[int | None]) -> None:
    assert list(micro_batches(batch_size)) == tried
