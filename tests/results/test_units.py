"""Durations and costs as people read them."""

from __future__ import annotations

import pytest

from results.units import cost_range, duration, duration_range


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (40, "40 s"),
        (89, "89 s"),
        (90, "2 min"),
        (720, "12 min"),
        (5399, "90 min"),
        (5400, "1.5 h"),
        (12_600, "3.5 h"),
        (172_799, "48.0 h"),
        (172_800, "2.0 days"),
        (181_440, "2.1 days"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (1500, 1860, "25 to 31 min"),
        (1500, 1501, "25 min"),
        (80, 100, "80 s to 2 min"),
        (15_000, 17_600, "4.2 to 4.9 h"),
    ],
)
def test_duration_range(low: float, high: float, text: str) -> None:
    assert duration_range(low, high) == text


@pytest.mark.parametrize(
    ("cost", "text"),
    [
        ((4.1, 4.45), "4.10 to 4.45"),
        ((4.101, 4.102), "4.10"),
        ((9.5, 10.4), "10"),
        ((99.9, 1234.5), "100 to 1,234"),
        ((0.001, 0.002), "0.00"),
    ],
)
def test_cost_range(cost: tuple[float, float], text: str) -> None:
    assert cost_range(cost) == text
