"""Tables of a record, and their rows: a candidate as a row, with a checksum, and back."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import astuple, replace
from math import isfinite
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Double, Integer, MetaData, String, Table, Text

from results.candidate import Candidate, CurvePoint, State
from results.checks import check_settings, checked
from results.multiply_adds import RULE, by_todays_rule
from reward.step_time.measurement import Conditions, StepTime
from search_space.architecture import Architecture
from search_space.bounds import MOST_TEXT, load_json, load_unchecked_json

SCHEMA_VERSION = 7
_LATER = {"since": 2}  # of a column: what is recorded with an earlier schema lacks it
_THIRD = {"since": 3}
_FOURTH = {"since": 4}
_FIFTH = {"since": 5}
_SIXTH = {"since": 6}
_LATEST = {"since": 7}

METADATA = MetaData()

RUNS = Table(
    "runs",
    METADATA,
    Column("run_id", String(200), primary_key=True),
    Column("schema_version", Integer, nullable=False),
    Column("created_at", Double, nullable=False),  # Unix seconds
    Column("settings", Text, nullable=False),  # JSON
    Column("checksum", BigInteger, info=_LATER),
)

RUN_COPIES = RUNS.to_metadata(METADATA, name="run_copies")  # read where a row of RUNS is damaged

CANDIDATES = Table(
    "candidates",
    METADATA,
    Column("run_id", String(200), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("state", String(20), nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("cause", Text),
    Column("detail", Text),
    Column("accuracy", Double),
    Column("parameters", BigInteger),
    Column("multiply_adds", BigInteger),
    Column("reference_parameters", BigInteger),
    Column("peak_memory_bytes", BigInteger),
    Column("device", Text),  # null: the training step was not timed
    Column("timed_image_size", Integer),
    Column("batch_size", Integer),
    Column("micro_batch_size", Integer),
    Column("is_precise", Boolean),
    Column("unsteady", Text),
    Column("inference_time_s", Double),
    Column("image_size", Integer),  # null: the image size of the run
    Column("confirms", Integer),  # number of the candidate that is trained again
    Column("worker", Text),
    Column("started_at", Double),
    Column("finished_at", Double),
    Column("architecture", Text, nullable=False),  # JSON, as is all below
    Column("proposal", Text, nullable=False),
    Column("samples_s", Text),
    Column("reference_samples_s", Text),
    Column("curve", Text, nullable=False),
    Column("phases_s", Text, nullable=False),
    Column("versions", Text, nullable=False),
    Column("started_event", BigInteger, info=_LATER),
    Column("ended_event", BigInteger, info=_LATER),
    Column("conditions", Text, info=_THIRD),  # JSON
    Column("effective_images", Double, info=_FOURTH),
    Column("fidelity", Text, info=_FIFTH),  # null: as the candidates of a search
    Column("checksum", BigInteger, info=_LATER),
    Column("multiply_adds_rule", Text, info=_SIXTH),  # null: as earlier releases counted
    Column("trace", Text, info=_LATEST),
)


# Fields of a candidate that are columns of the same name.
_SCALAR_FIELDS = (
    "number",
    "seed",
    "cause",
    "accuracy",
    "effective_images",
    "parameters",
    "multiply_adds",
    "reference_parameters",
    "inference_time_s",
    "image_size",
    "confirms",
    "fidelity",
    "worker",
    "started_at",
    "finished_at",
    "started_event",
    "ended_event",
)

# Field of a step time: its column.
_STEP_TIME_COLUMNS = {
    "peak_memory_bytes": "peak_memory_bytes",
    "device": "device",
    "image_size": "timed_image_size",
    "batch_size": "batch_size",
    "micro_batch_size": "micro_batch_size",
    "is_precise": "is_precise",
    "unsteady": "unsteady",
}


def to_row(candidate: Candidate) -> dict[str, Any]:
    """Return the candidate as a row, by column; ValueError if a number is not finite."""
    step_time = candidate.step_time
    row = {
        **{name: _checked_finite(name, getattr(candidate, name)) for name in _SCALAR_FIELDS},
        "multiply_adds_rule": None if candidate.multiply_adds is None else RULE,
        "state": candidate.state.value,
        "detail": _one_line(candidate.detail),
        "trace": _lines(candidate.trace),
        "architecture": to_json_text("architecture", candidate.architecture.to_json()),
        "proposal": to_json_text("proposal", dict(candidate.proposal)),
        **{column: getattr(step_time, name, None) for name, column in _STEP_TIME_COLUMNS.items()},
        "samples_s": step_time and to_json_text("samples_s", step_time.samples_s),
        "reference_samples_s": (
            step_time and to_json_text("reference_samples_s", step_time.reference_samples_s)
        ),
        "conditions": (
            step_time
            and step_time.conditions
            and to_json_text("conditions", vars(step_time.conditions))
        ),
        "curve": to_json_text("curve", [astuple(point) for point in candidate.curve]),
        "phases_s": to_json_text("phases_s", dict(candidate.phases_s)),
        "versions": to_json_text("versions", dict(candidate.versions)),
    }
    return {**row, "checksum": checksum(row)}


def from_row(row: Mapping[Any, Any]) -> Candidate:
    """Return the candidate of a row that :func:`to_row` made, also in an earlier release.

    Multiply-adds that were counted by another rule are converted, and None if they cannot be
    (:func:`results.multiply_adds.by_todays_rule`).

    Raises:
        ValueError, TypeError, KeyError: the row is damaged.
    """
    check(row)
    scalars: dict[str, Any] = {name: row.get(name) for name in _SCALAR_FIELDS}
    candidate = Candidate(
        **scalars,
        state=State(row["state"]),
        detail=row["detail"],
        trace=row.get("trace"),
        architecture=Architecture.from_json(load_unchecked_json(row["architecture"])),
        step_time=None if row["device"] is None else _step_time(row),
        curve=tuple(CurvePoint(*point) for point in load_unchecked_json(row["curve"])),
        proposal=load_unchecked_json(row["proposal"]),
        phases_s=load_unchecked_json(row["phases_s"]),
        versions=load_unchecked_json(row["versions"]),
    )
    candidate = checked(candidate)
    size = row["timed_image_size"] or candidate.image_size
    rule, count = row.get("multiply_adds_rule"), candidate.multiply_adds
    converted = by_todays_rule(count, rule, candidate.architecture, size)
    return candidate if converted == count else replace(candidate, multiply_adds=converted)


def checksum(row: Mapping[str, Any]) -> int:
    """Return the CRC-32 of a row's values, without ``run_id`` and columns that have no value."""
    values = [
        [name, _as_stored(value)]
        for name, value in sorted(row.items())
        if value is not None and name not in ("run_id", "checksum")
    ]
    return zlib.crc32(json.dumps(values).encode())


def _as_stored(value: object) -> object:
    """Return one form of a number, which a database may give back as 1, 1.0 or True."""
    is_whole = isinstance(value, bool) or (isinstance(value, float) and value.is_integer())
    return int(value) if is_whole else value  # type: ignore[call-overload]


def check(row: Mapping[Any, Any]) -> None:
    """Raise ValueError if the row does not have its checksum; earlier releases wrote none."""
    expected = row.get("checksum")
    if expected is not None and expected != checksum(row):
        raise ValueError("the checksum differs")


def settings_row(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as columns of a run's row; ValueError if a number is not finite."""
    row = {"settings": to_json_text("settings", dict(settings))}
    return {**row, "checksum": checksum(row)}


def settings_of(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the settings of a run's row; ValueError if they are damaged."""
    text = row["settings"]
    check({"settings": text, "checksum": row.get("checksum")})
    return check_settings(load_json(text))


def to_json_text(name: str, value: object) -> str:
    """Return the value as compact JSON; ValueError with the field's name for NaN or infinity."""
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise ValueError(f"{name}: holds a number that is not finite") from error


def _step_time(row: Mapping[Any, Any]) -> StepTime:
    return StepTime(
        samples_s=tuple(load_unchecked_json(row["samples_s"])),
        reference_samples_s=tuple(load_unchecked_json(row["reference_samples_s"])),
        conditions=_conditions(row.get("conditions")),
        **{name: row[column] for name, column in _STEP_TIME_COLUMNS.items()},
    )


def _conditions(text: str | None) -> Conditions | None:
    return None if text is None else Conditions(**load_unchecked_json(text))


def _checked_finite(name: str, value: object) -> object:
    if isinstance(value, float) and not isfinite(value):
        raise ValueError(f"{name}: got {value}, must be a finite number")
    return value


def _lines(text: str | None) -> str | None:
    """Return lines that every database accepts, as :func:`_one_line` makes each."""
    if text is None:
        return None
    return "\n".join(_one_line(line) or "" for line in text[:MOST_TEXT].split("\n"))


def _one_line(text: str | None) -> str | None:
    """Return text that every database accepts: no line ends, NULs or lone surrogates."""
    if text is None:
        return None
    text = text[:MOST_TEXT].replace("\0", " ")
    return " ".join(text.encode(errors="replace").decode().split())
