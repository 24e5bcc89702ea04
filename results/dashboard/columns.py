"""Candidates as the columns of :mod:`results.dashboard.payload`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from results.candidate import Candidate
from results.ranking import normalized_step_time
from reward.step_time.measurement import StepTime, interval_s, median_s
from search_space.architecture import Architecture
from search_space.space import Space

Row = dict[str, Any]


CODED = ("state", "cause", "worker", "device")


INTERVAL = ("normalized_low", "normalized_high")


SCALARS = (
    "number",
    "confirms",
    "detail",
    "seed",
    "architecture_id",
    "accuracy",
    "step_time_s",
    "step_time_low_s",
    "step_time_high_s",
    "normalized_step_time",
    *INTERVAL,
    "parameters",
    "reference_parameters",
    "multiply_adds",
    "peak_memory_bytes",
    "inference_time_s",
    "images_per_s",
    "epochs",
    "training_s",
    "started_at",
    "finished_at",
    "layers",
    "fused_share",
    "image_size",
    "batch_size",
)


def row(candidate: Candidate, space: Space | None) -> Row:
    """One candidate by column; the interval of its S/S0, which takes longest, is left out.

    Raises:
        ValueError, TypeError, ArithmeticError: values that no search records.
    """
    return {
        "number": candidate.number,
        "confirms": whole_number(candidate.confirms),
        "state": candidate.state.value,
        "cause": text(candidate.cause),
        "detail": text(candidate.detail),
        "seed": text(candidate.seed),
        "architecture_id": candidate.architecture.architecture_id,
        "accuracy": number(candidate.accuracy),
        "parameters": whole_number(candidate.parameters),
        "reference_parameters": whole_number(candidate.reference_parameters),
        "multiply_adds": whole_number(candidate.multiply_adds),
        "inference_time_s": number(candidate.inference_time_s),
        "epochs": len(candidate.curve),
        "training_s": number(candidate.phases_s.get("training")),
        "started_at": number(candidate.started_at),
        "finished_at": number(candidate.finished_at),
        "worker": text(candidate.worker),
        "normalized_step_time": number(normalized_step_time(candidate)),
        **_timed(candidate.step_time),
        **_mix(candidate.architecture),
        "choices": _choices(candidate.architecture, space),
    }


def columns(rows: Sequence[Row], space: Space | None) -> dict[str, Any]:
    """The rows, turned; ``choices`` is empty without a space."""
    return {
        **{name: _coded([row[name] for row in rows]) for name in CODED},
        **{name: [row.get(name) for row in rows] for name in SCALARS},
        "choices": {
            name: [row["choices"][i] for row in rows]
            for i, name in enumerate(space.options() if space else ())
        },
    }


def _timed(timed: StepTime | None) -> Row:
    if timed is None:
        return {"device": None}
    step_time_s = number(median_s(timed))
    low, high = interval_s(timed) or (None, None)
    batch_size = whole_number(timed.batch_size)
    return {
        "step_time_s": step_time_s,
        "step_time_low_s": number(low),
        "step_time_high_s": number(high),
        "peak_memory_bytes": whole_number(timed.peak_memory_bytes),
        "images_per_s": batch_size / step_time_s if batch_size and step_time_s else None,
        "device": text(timed.device),
        "image_size": whole_number(timed.image_size),
        "batch_size": batch_size,
    }


def _mix(architecture: Architecture) -> Row:
    layers = sum(stage.layers for stage in architecture.stages)
    fused = sum(s.layers for s in architecture.stages if s.operator == "fused_mbconv")
    return {"layers": layers, "fused_share": fused / layers}


def _choices(architecture: Architecture, space: Space | None) -> list[int | None]:
    """The place of each choice's value among its options."""
    if space is None:
        return []
    options_by_name = space.options()
    try:
        point = space.encode(architecture)
    except ValueError:
        return [None] * len(options_by_name)
    left_out = {
        name.partition(".")[0]
        for name, value in point.items()
        if name.endswith(".layers") and value == 0
    }
    return [
        None
        if name.partition(".")[0] in left_out and not name.endswith(".layers")
        else options.index(point[name])
        for name, options in options_by_name.items()
    ]


def _coded(texts: Sequence[str | None]) -> Mapping[str, Any]:
    """Each text once, and the place of each candidate's among them."""
    places: dict[str, int] = {}
    codes = [None if t is None else places.setdefault(t, len(places)) for t in texts]
    return {"values": list(places), "codes": codes}


_DEEPEST = 20


_LARGEST = 2**53  # A page's numbers are doubles.


def number(value: object) -> float | int | None:
    """The value if it is a finite number, else None: a foreign database may hold anything."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int):
        return value if abs(value) < _LARGEST else None
    return value if isfinite(value) else None


def whole_number(value: object) -> int | None:
    """The value if it is a whole number that a page can hold."""
    return value if isinstance(value, int) and number(value) is not None else None


def text(value: object) -> str | None:
    """The value as text; None stays None."""
    return None if value is None else str(value).encode(errors="replace").decode()


def json_safe(value: object, depth: int = 0) -> Any:
    """The value in JSON types; numbers that no page can hold become text, and so does the rest."""
    if depth > _DEEPEST:
        return "..."
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return str(value) if number(value) is None else value
    if isinstance(value, Mapping):
        return {text(key): json_safe(item, depth + 1) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [json_safe(item, depth + 1) for item in value]
    return text(value)


def to_json(value: object) -> str:
    """Compact JSON in ASCII; ValueError for a number that is not finite."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def for_script(value: object) -> str:
    """JSON that cannot end the script element that it stands in, nor begin a comment there."""
    return to_json(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
