"""A measured training step, in the keys of the command line's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reward.step_time.measurement import StepTime
from reward.step_time_statistics import interval_s, median_s, normalized, normalized_interval

_KEYS = (
    "step_time_s",
    "step_time_ci_s",
    "normalized_step_time",
    "normalized_step_time_ci",
    "unsteady",
    "peak_memory_bytes",
    "device",
    "batch_size",
)
_ENDS = {
    "step_time_ci_s": ("step_time_ci_low_s", "step_time_ci_high_s"),
    "normalized_step_time_ci": ("normalized_step_time_ci_low", "normalized_step_time_ci_high"),
}


def step_time_json(timed: StepTime | None) -> dict[str, Any]:
    """Seconds and bytes, intervals as [low, high], 95 %; nulls for a step that was not timed.

    ``unsteady`` says in words what disturbed the measurement, null where nothing did.
    """
    if timed is None:
        return dict.fromkeys(_KEYS)
    interval, ratio = interval_s(timed), normalized_interval(timed)
    values = (
        median_s(timed),
        interval and list(interval),
        normalized(timed),
        ratio and list(ratio),
        timed.unsteady,
        timed.peak_memory_bytes,
        timed.device,
        timed.batch_size,
    )
    return dict(zip(_KEYS, values, strict=True))


def with_ends_apart(values: Mapping[str, Any]) -> dict[str, Any]:
    """For a table: the values of :func:`step_time_json`, and others beside them, with the ends of
    an interval in a column each."""
    columns: dict[str, Any] = {}
    for key, value in values.items():
        if key in _ENDS:
            columns.update(zip(_ENDS[key], value or (None, None), strict=True))
        else:
            columns[key] = value
    return columns
