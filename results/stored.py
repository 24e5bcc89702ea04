"""A candidate as a row of the record's table, and back, without loss."""

from __future__ import annotations

import json
from dataclasses import astuple
from math import isfinite
from typing import Any

from sqlalchemy import RowMapping

from results.candidate import Candidate, CurvePoint, State
from reward.step_time.measurement import StepTime
from search_space.architecture import Architecture

_PLAIN = (
    "number",
    "seed",
    "cause",
    "accuracy",
    "parameters",
    "multiply_adds",
    "reference_parameters",
    "inference_time_s",
    "image_size",
    "confirms",
    "worker",
    "started_at",
    "finished_at",
)
# The step time's facts, as they are called there: in the table.
_TIMED = {
    "peak_memory_bytes": "peak_memory_bytes",
    "device": "device",
    "image_size": "timed_image_size",
    "batch_size": "batch_size",
    "micro_batch_size": "micro_batch_size",
    "is_precise": "is_precise",
    "unsteady": "unsteady",
}


def to_row(candidate: Candidate) -> dict[str, Any]:
    """The candidate by column; ValueError naming the field where a number is not finite."""
    timed = candidate.step_time
    return {
        **{name: _finite(name, getattr(candidate, name)) for name in _PLAIN},
        "state": candidate.state.value,
        "detail": _one_line(candidate.detail),
        "architecture": to_text("architecture", candidate.architecture.to_json()),
        "proposal": to_text("proposal", dict(candidate.proposal)),
        **{column: getattr(timed, name, None) for name, column in _TIMED.items()},
        "samples_s": timed and to_text("samples_s", timed.samples_s),
        "reference_samples_s": timed and to_text("reference_samples_s", timed.reference_samples_s),
        "curve": to_text("curve", [astuple(point) for point in candidate.curve]),
        "phases_s": to_text("phases_s", dict(candidate.phases_s)),
        "versions": to_text("versions", dict(candidate.versions)),
    }


def from_row(row: RowMapping) -> Candidate:
    """The candidate that :func:`to_row` wrote."""
    return Candidate(
        **{name: row[name] for name in _PLAIN},
        state=State(row["state"]),
        detail=row["detail"],
        architecture=Architecture.from_json(json.loads(row["architecture"])),
        step_time=None if row["device"] is None else _step_time(row),
        curve=tuple(CurvePoint(*point) for point in json.loads(row["curve"])),
        proposal=json.loads(row["proposal"]),
        phases_s=json.loads(row["phases_s"]),
        versions=json.loads(row["versions"]),
    )


def to_text(name: str, value: object) -> str:
    """Compact JSON; ValueError naming the field where a number is not finite."""
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise ValueError(f"{name}: holds a number that is not finite") from error


def _step_time(row: RowMapping) -> StepTime:
    return StepTime(
        samples_s=tuple(json.loads(row["samples_s"])),
        reference_samples_s=tuple(json.loads(row["reference_samples_s"])),
        **{name: row[column] for name, column in _TIMED.items()},
    )


def _finite(name: str, value: object) -> object:
    if isinstance(value, float) and not isfinite(value):
        raise ValueError(f"{name}: got {value}, must be a finite number")
    return value


def _one_line(text: str | None) -> str | None:
    """Text that every database takes: no line ends, NULs or half characters, as errors may have."""
    if text is None:
        return None
    return " ".join(text.replace("\0", " ").encode(errors="replace").decode().split())
