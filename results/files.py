"""What a run leaves beside its record: best.json, pareto.csv and candidates.csv."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from results import architecture_file
from results.architecture_file import COEFFICIENTS, ArchitectureFile, coefficients, origin
from results.atomic import write_text
from results.candidate import Candidate, State, stages_text
from results.ranking import confirmation_json, confirmed, front, reward, winner
from reward.objective import Objective
from reward.step_time.measurement import (
    StepTime,
    interval_s,
    median_s,
    normalized,
    normalized_interval,
)
from search_space.task import Task


def write_files(
    directory: Path,
    candidates: Iterable[Candidate],
    objective: Objective,
    run_id: str,
    task: Task,
    settings: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Writes all three, each whole or not at all; best.json only if a candidate has a reward.

    The run's ``settings`` say what candidates were scaled from, in a run of ``nas scale --fit``.
    """
    candidates = list(candidates)
    written = [
        write_text(directory / "candidates.csv", _csv(candidates, objective)),
        write_text(directory / "pareto.csv", _csv(front(candidates), objective)),
    ]
    file = best_file(candidates, objective, run_id, task, settings)
    if file is not None:
        written.append(architecture_file.write(directory / "best.json", file))
    return written


def best_file(
    candidates: Iterable[Candidate],
    objective: Objective,
    run_id: str,
    task: Task,
    settings: Mapping[str, Any] | None = None,
) -> ArchitectureFile | None:
    """The winner as a file, with its mean and spread where it was trained again; None without."""
    candidates = list(candidates)
    chosen = winner(candidates, objective)
    confirmation = next((confirmation_json(c) for c in confirmed(candidates, objective)), None)
    if chosen is None:
        return None
    return winner_file(chosen, objective, run_id, task, confirmation, settings)


def winner_file(
    candidate: Candidate,
    objective: Objective,
    run_id: str,
    task: Task,
    confirmation: Mapping[str, object] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> ArchitectureFile:
    """A timed candidate as a file; its version ``git_commit`` has its own place there.

    ``confirmation`` is what several trainings of it came to; the run's ``settings`` say what it was
    scaled from.
    """
    if candidate.step_time is None:
        raise ValueError(f"candidate {candidate.number}: was not timed, so has no image size")
    versions = dict(candidate.versions)
    return ArchitectureFile(
        name=candidate_name(candidate),
        architecture=candidate.architecture,
        train_size=candidate.step_time.image_size,
        eval_size=candidate.step_time.image_size,
        task=task,
        parameters=candidate.parameters,
        multiply_adds=candidate.multiply_adds,
        measurements={
            "accuracy": candidate.accuracy,
            "epochs": len(candidate.curve),
            **step_time_json(candidate.step_time),
            "reward": reward(candidate, objective),
            **({"confirmation": dict(confirmation)} if confirmation else {}),
        },
        provenance={
            **origin(candidate, settings or {}),
            "run": run_id,
            "candidate": candidate.number,
            "seed": candidate.seed,
            "git_commit": versions.pop("git_commit", None),
            "versions": versions,
        },
    )


def _csv(candidates: Iterable[Candidate], objective: Objective) -> str:
    text: str = table(candidates, objective).to_csv(index=False, lineterminator="\n")
    return text


# Column: type. The wide ones may lack a value, which a plain integer cannot.
COLUMNS = {
    "number": "int64",
    "state": "str",
    "cause": "str",
    "seed": "int64",
    "accuracy": "float64",
    "step_time_s": "float64",
    "step_time_ci_low_s": "float64",
    "step_time_ci_high_s": "float64",
    "normalized_step_time": "float64",
    "normalized_step_time_ci_low": "float64",
    "normalized_step_time_ci_high": "float64",
    "unsteady": "str",
    "peak_memory_bytes": "Int64",
    "reward": "float64",
    "architecture_id": "str",
    "confirms": "Int64",
    "parameters": "Int64",
    "multiply_adds": "Int64",
    "image_size": "Int64",
    "batch_size": "Int64",
    "device": "str",
    "epochs": "int64",
    "stopped_at": "Int64",
    "training_s": "float64",
    "stages": "str",
}


_SCALED = dict.fromkeys(COEFFICIENTS, "float64")


_PAPERS = Objective()


def table(candidates: Iterable[Candidate], objective: Objective = _PAPERS) -> pd.DataFrame:
    """One row a candidate, in the order given; what is not known is missing (NaN, NA).

    ``stages`` is written as :func:`results.candidate.stages_text` says; ``image_size`` in pixels.
    Candidates of ``nas scale --fit`` have three columns more, alpha, beta and gamma.
    """
    rows = [_row(candidate, objective) for candidate in candidates]
    is_fit = any(row["coefficients"] for row in rows)
    columns = {**COLUMNS, **_SCALED} if is_fit else COLUMNS
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def _row(candidate: Candidate, objective: Objective) -> dict[str, object]:
    row = split_intervals(candidate_json(candidate, objective))
    return {
        **row,
        **(row["coefficients"] or {}),
        "image_size": candidate.step_time and candidate.step_time.image_size,
        "stages": stages_text(candidate.architecture),
    }


def candidate_json(candidate: Candidate, objective: Objective) -> dict[str, Any]:
    """One candidate in JSON types; null for what is not known.

    A proxy trains and validates at one image size. ``epochs`` are those that were spent,
    ``stopped_at`` the one at whose end training was stopped, 0 if it never began. ``coefficients``
    are alpha, beta and gamma in a run of ``nas scale --fit``.
    """
    architecture = candidate.architecture.to_json()
    return {
        "number": candidate.number,
        "name": candidate_name(candidate),
        "state": candidate.state.value,
        "cause": candidate.cause,
        "detail": candidate.detail,
        "seed": candidate.seed,
        "accuracy": candidate.accuracy,
        **step_time_json(candidate.step_time),
        "reward": reward(candidate, objective),
        "coefficients": coefficients(candidate),
        "architecture_id": candidate.architecture.architecture_id,
        "confirms": candidate.confirms,
        "parameters": candidate.parameters,
        "multiply_adds": candidate.multiply_adds,
        "image_size": image_size_json(candidate),
        "epochs": len(candidate.curve),
        "stopped_at": len(candidate.curve) if candidate.state is State.STOPPED else None,
        "training_s": candidate.phases_s.get("training"),
        **architecture,
    }


def candidate_name(candidate: Candidate) -> str:
    """What a candidate is called outside its run."""
    return f"candidate-{candidate.number}"


def image_size_json(candidate: Candidate) -> dict[str, int] | None:
    """Train and eval size in pixels; null where the step was not timed."""
    timed = candidate.step_time
    return None if timed is None else {"train": timed.image_size, "eval": timed.image_size}


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


def split_intervals(values: Mapping[str, Any]) -> dict[str, Any]:
    """For a table: the values of :func:`step_time_json`, and others beside them, with the ends of
    an interval in a column each."""
    columns: dict[str, Any] = {}
    for key, value in values.items():
        if key in _ENDS:
            columns.update(zip(_ENDS[key], value or (None, None), strict=True))
        else:
            columns[key] = value
    return columns
