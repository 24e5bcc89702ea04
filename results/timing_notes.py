"""What to know about a run's step times before they are compared, each in one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any

from results.candidate import Candidate

BUSY_SHARE = 0.5
"""Below this share of the step in which the GPU computes, step time is mostly the host's work."""


def remarks_on(conditions: Mapping[str, Any]) -> list[str]:
    """Return what slows one network's step, by :class:`reward.step_time.measurement.Conditions`."""
    remarks = []
    if conditions.get("failure"):
        remarks.append(f"does not run as a CUDA graph: {conditions['failure']}")
    busy = conditions.get("busy_share")
    if busy is not None and busy < BUSY_SHARE:
        remarks.append(f"the GPU computed for only {100 * busy:.0f} % of the step")
    return remarks


def timing_notes(candidates: Iterable[Candidate]) -> list[str]:
    """Return a line for each of: unsteady step times, steps that are no graph, an idle GPU."""
    timed = [c.step_time for c in candidates if c.step_time is not None]
    conditions = [step_time.conditions for step_time in timed if step_time.conditions is not None]
    unsteady = sum(step_time.unsteady is not None for step_time in timed)
    failures = [c.failure for c in conditions if c.failure is not None]
    busy = [c.busy_share for c in conditions if c.busy_share is not None]
    idle = [share for share in busy if share < BUSY_SHARE]
    notes = []
    if unsteady:
        notes.append(
            f"{unsteady} of {len(timed)} step times are unsteady, as other work disturbed them; "
            "nas results marks them with ~"
        )
    if failures:
        notes.append(
            f"{len(failures)} of {len(timed)} steps do not run as a CUDA graph, so they and the "
            f"backbone's beside them were timed eager ({failures[0]})"
        )
    if idle:
        notes.append(
            f"the GPU computed for only {100 * median(idle):.0f} % of the step in {len(idle)} of "
            f"{len(busy)} candidates: their step time is mostly that of the host (a larger "
            "--batch-size or --image-size gives the GPU more to do)"
        )
    return notes
