"""Causes in words, with the limit that a candidate exceeded."""

from __future__ import annotations

from typing import Any

import pytest

from results.causes import CAUSES, reason


@pytest.mark.parametrize(
    ("cause", "settings", "told"),
    [
        ("time_limit", {"time_limit_s": 32.0}, "It took longer than --time-limit allows: 32 s."),
        (
            "max_params",
            {"max_parameters": 50_000},
            "It has more parameters than --max-params allows: 50,000.",
        ),
        (
            "max_step_time",
            {"max_step_time": 1.5},
            "Its training step takes longer than --max-step-time allows: 1.5 x the backbone's.",
        ),
        (
            "max_memory",
            {"max_memory_bytes": 8 * 10**9},
            "Its training step needs more memory than --max-memory allows: 8,000,000,000 bytes.",
        ),
        ("time_limit", {"time_limit_s": float("inf")}, CAUSES["time_limit"]),
        ("time_limit", {"time_limit_s": "long"}, CAUSES["time_limit"]),
        ("time_limit", {}, CAUSES["time_limit"]),
        ("diverged", {"time_limit_s": 32.0}, CAUSES["diverged"]),
        ("of another release", {}, None),
        (None, {"time_limit_s": 32.0}, None),
    ],
)
def test_a_cause_is_told_with_its_limit(
    cause: str | None, settings: dict[str, Any], told: str | None
) -> None:
    assert reason(cause, settings) == told
