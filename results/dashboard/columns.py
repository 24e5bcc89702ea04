"""Candidates as columns of JSON-safe values, as :mod:`results.dashboard.payload` specifies."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from results.candidate import Candidate, State, stages_text
from results.noise import Outcome
from results.ranking import normalized_step_time
from reward.step_time.measurement import StepTime, interval_s, median_s, reference_median_s
from search_space.architecture import Architecture
from search_space.space import Space

Row = dict[str, Any]

_CURVE_DIGITS = 4  # finer than a curve can be read, and a report stays small
CATEGORIES = ("state", "cause", "worker", "device")  # sent as codes, each text once
INTERVAL = ("normalized_low", "normalized_high")  # of S/S0, at 95 %
ACCURACY_INTERVAL = ("accuracy_low", "accuracy_high")  # at 95 %
SCALARS = (
    "number",
    "confirms",
    "fidelity",
    "detail",
    "seed",
    "architecture_id",
    "accuracy",
    *ACCURACY_INTERVAL,
    "step_time_s",
    "step_time_low_s",
    "step_time_high_s",
    "normalized_step_time",
    *INTERVAL,
    "reference_step_time_s",
    "parameters",
    "reference_parameters",
    "multiply_adds",
    "peak_memory_bytes",
    "inference_time_s",
    "images_per_s",
    "epochs",
    "curve",
    "training_s",
    "started_at",
    "finished_at",
    "layers",
    "fused_share",
    "image_size",
    "batch_size",
    "unsteady",
    "stages",
    "own_reward",
)


def row(candidate: Candidate, space: Space | None) -> Row:
    """Return a candidate's values by column, without those of the two intervals.

    The step time's takes long to compute, and the accuracy's depends on other candidates.

    Raises:
        ValueError, TypeError, ArithmeticError: values that no search records.
    """
    return {
        "number": candidate.number,
        "confirms": whole_number(candidate.confirms),
        "fidelity": text(candidate.fidelity),
        "state": candidate.state.value,
        "cause": text(candidate.cause),
        "detail": text(candidate.detail),
        "seed": text(candidate.seed),
        "architecture_id": candidate.architecture.architecture_id,
        "stages": text(stages_text(candidate.architecture)),
        "accuracy": number(candidate.accuracy),
        "effective_images": number(candidate.effective_images),
        "parameters": whole_number(candidate.parameters),
        "reference_parameters": whole_number(candidate.reference_parameters),
        "multiply_adds": whole_number(candidate.multiply_adds),
        "inference_time_s": number(candidate.inference_time_s),
        "epochs": len(candidate.curve),
        "curve": [_rounded(number(point.accuracy)) for point in candidate.curve],
        "training_s": number(candidate.phases_s.get("training")),
        "started_at": number(candidate.started_at),
        "finished_at": number(candidate.finished_at),
        "worker": text(candidate.worker),
        "normalized_step_time": number(normalized_step_time(candidate)),
        **_step_time_values(candidate.step_time),
        **_layer_values(candidate.architecture),
        "choices": _option_indices(candidate.architecture, space),
    }


def outcome_of(row: Row) -> Outcome | None:
    """Return the outcome of a row; None unless it is complete with all measurements."""
    accuracy, step_time = row["accuracy"], row["normalized_step_time"]
    parameters, reference = row["parameters"], row["reference_parameters"]
    if row["fidelity"] is not None:
        return None
    if row["state"] != State.COMPLETE or accuracy is None or not (parameters and reference):
        return None
    if not step_time or not row["reference_step_time_s"]:
        return None
    low, high = (row.get(name) for name in INTERVAL)
    started_at, finished_at = row["started_at"], row["finished_at"]
    is_timed = started_at is not None and finished_at is not None
    return Outcome(
        row["number"],
        row["confirms"],
        row["epochs"],
        accuracy,
        step_time,
        None if low is None or high is None else (low, high),
        parameters / reference,
        row["reference_step_time_s"],
        finished_at - started_at if is_timed else None,
        row["worker"],
        row["unsteady"],
        row.get("effective_images"),
    )


def columns(rows: Sequence[Row], space: Space | None) -> dict[str, Any]:
    """Return the rows as columns; ``choices`` is empty without a space."""
    choices = space.options() if space else {}
    return {
        **{name: _encoded([row[name] for row in rows]) for name in CATEGORIES},
        **{name: [row.get(name) for row in rows] for name in SCALARS},
        "choices": {name: [row["choices"][i] for row in rows] for i, name in enumerate(choices)},
    }


def _step_time_values(step_time: StepTime | None) -> Row:
    if step_time is None:
        return {"device": None}
    step_time_s = number(median_s(step_time))
    low, high = interval_s(step_time) or (None, None)
    batch_size = whole_number(step_time.batch_size)
    return {
        "step_time_s": step_time_s,
        "step_time_low_s": number(low),
        "step_time_high_s": number(high),
        "reference_step_time_s": number(reference_median_s(step_time)),
        "peak_memory_bytes": whole_number(step_time.peak_memory_bytes),
        "images_per_s": batch_size / step_time_s if batch_size and step_time_s else None,
        "device": text(step_time.device),
        "image_size": whole_number(step_time.image_size),
        "batch_size": batch_size,
        "unsteady": text(step_time.unsteady),
    }


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, _CURVE_DIGITS)


def _layer_values(architecture: Architecture) -> Row:
    layers = sum(stage.layers for stage in architecture.stages)
    fused = sum(stage.layers for stage in architecture.stages if stage.operator == "fused_mbconv")
    return {"layers": layers, "fused_share": fused / layers}


def _option_indices(architecture: Architecture, space: Space | None) -> list[int | None]:
    """Return the index of the architecture's option in each choice of the space.

    None for all if the architecture is outside the space, and for each choice but ``layers`` of a
    stage with 0 layers.
    """
    if space is None:
        return []
    choices = space.options()
    try:
        point = space.encode(architecture)
    except ValueError:
        return [None] * len(choices)
    empty_stages = {
        name.partition(".")[0]
        for name, option in point.items()
        if name.endswith(".layers") and option == 0
    }
    return [
        None
        if name.partition(".")[0] in empty_stages and not name.endswith(".layers")
        else options.index(point[name])
        for name, options in choices.items()
    ]


def _encoded(texts: Sequence[str | None]) -> Mapping[str, Any]:
    """Return each different text once, and for each entry its index among them."""
    indices: dict[str, int] = {}
    codes = [None if t is None else indices.setdefault(t, len(indices)) for t in texts]
    return {"values": list(indices), "codes": codes}


# A run's files may come from a stranger: values are made safe for the page.

_MAX_DEPTH = 20  # of nested values
_MAX_INTEGER = 2**53  # JavaScript's numbers are doubles


def number(value: object) -> float | int | None:
    """Return the value if it is a finite number that a double can hold, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int):
        return value if abs(value) < _MAX_INTEGER else None
    return value if isfinite(value) else None


def whole_number(value: object) -> int | None:
    """Return the value if it is an integer that a double can hold, else None."""
    return value if isinstance(value, int) and number(value) is not None else None


def text(value: object) -> str | None:
    """Return the value as text that UTF-8 can encode; None stays None."""
    return None if value is None else str(value).encode(errors="replace").decode()


def json_safe(value: object, depth: int = 0) -> Any:
    """Return the value in JSON types; what the page cannot hold becomes text."""
    if depth > _MAX_DEPTH:
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
    """Return compact ASCII JSON; ValueError for a number that is not finite."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))
