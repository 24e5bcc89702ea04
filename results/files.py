"""The files a run writes from its record: best.json, pareto.csv and candidates.csv.

Also the table of candidates, and their JSON as the command line prints it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from results import architecture_file
from results.architecture_file import (
    COEFFICIENTS,
    ArchitectureFile,
    coefficients,
    scaling_provenance,
)
from results.atomic import write_text
from results.candidate import Candidate, State, candidate_name, stages_text
from results.multiply_adds import RULE
from results.noise import Noise, outcomes
from results.ranking import confirmation_json, confirmed, front, reward, winner
from results.verdict import Verdict, find_verdict, noise_of
from reward.metric import recorded_metric
from reward.objective import Objective
from reward.step_time.measurement import (
    StepTime,
    interval_s,
    median_s,
    normalized,
    normalized_interval,
)
from search_space.task import Task

if TYPE_CHECKING:
    import pandas as pd


def write_files(
    directory: Path,
    candidates: Iterable[Candidate],
    objective: Objective,
    run_id: str,
    task: Task,
    settings: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write the three files, each whole or not at all; best.json only if a candidate has a reward.

    In a run of ``nas scale --fit``, ``settings`` hold the network that candidates were scaled from.
    """
    candidates = list(candidates)
    found = outcomes(candidates)
    verdict = find_verdict(found, objective, settings or {})
    noise = verdict.noise if verdict else noise_of(found, settings or {})
    written = [
        write_text(directory / "candidates.csv", csv_text(candidates, objective, noise)),
        write_text(directory / "pareto.csv", csv_text(front(candidates), objective, noise)),
    ]
    file = best_file(candidates, objective, run_id, task, settings, verdict)
    if file is not None:
        written.append(architecture_file.write(directory / "best.json", file))
    return written


def best_file(
    candidates: Iterable[Candidate],
    objective: Objective,
    run_id: str,
    task: Task,
    settings: Mapping[str, Any] | None,
    verdict: Verdict | None,
) -> ArchitectureFile | None:
    """Return best.json's content: the winner, with mean and deviation if it was trained again.

    ``verdict`` is that on these candidates. None if no candidate has a reward.
    """
    candidates = list(candidates)
    chosen = winner(candidates, objective)
    if chosen is None:
        return None
    results = confirmed(candidates, objective)
    confirmation = confirmation_json(results[0], results) if results else None
    return winner_file(chosen, objective, run_id, task, confirmation, settings, verdict)


def winner_file(
    candidate: Candidate,
    objective: Objective,
    run_id: str,
    task: Task,
    confirmation: Mapping[str, object] | None = None,
    settings: Mapping[str, Any] | None = None,
    verdict: Verdict | None = None,
) -> ArchitectureFile:
    """Return the architecture file of a candidate whose step was timed.

    ``confirmation`` is the result of training it again (:func:`results.ranking.confirmation_json`).
    With it, accuracy and reward are the means of the fresh trainings, which are unbiased.
    ``settings`` are the run's; they hold the network that the candidate was scaled from, if any.
    ``verdict`` is that on the run's winner, if this is the winner.

    Raises:
        ValueError: the step was not timed, so the image size is unknown.
    """
    if candidate.step_time is None:
        raise ValueError(f"candidate {candidate.number}: was not timed, so has no image size")
    versions = dict(candidate.versions)
    again = confirmation or {}
    return ArchitectureFile(
        name=candidate_name(candidate),
        architecture=candidate.architecture,
        train_size=candidate.step_time.image_size,
        eval_size=candidate.step_time.image_size,
        task=task,
        parameters=candidate.parameters,
        multiply_adds=candidate.multiply_adds,
        measurements={
            "metric": recorded_metric(settings or {}).name,
            "accuracy": again.get("fresh_accuracy_mean", candidate.accuracy),
            **(_certainty_json(verdict, settings or {}) if verdict else {}),
            "epochs": again.get("epochs", len(candidate.curve)),
            **step_time_json(candidate.step_time),
            "reward": again.get("fresh_reward_mean", reward(candidate, objective)),
            **({"confirmation": dict(confirmation)} if confirmation else {}),
        },
        provenance={
            **scaling_provenance(candidate, settings or {}),
            "run": run_id,
            "candidate": candidate.number,
            "seed": candidate.seed,
            "git_commit": versions.pop("git_commit", None),
            "versions": versions,
        },
    )


def _certainty_json(verdict: Verdict, settings: Mapping[str, Any]) -> dict[str, Any]:
    interval = verdict.accuracy_interval
    return {
        "accuracy_ci": interval and list(interval),
        "minival_images": settings.get("minival_images"),
        "certainty": verdict.to_json(),
    }


def csv_text(candidates: Iterable[Candidate], objective: Objective, noise: Noise) -> str:
    """Return the table of candidates.csv; see :func:`table`."""
    content: str = table(candidates, objective, noise).to_csv(index=False, lineterminator="\n")
    return content


# Column of the table: its type. "Int64" may lack a value, "int64" may not.
COLUMNS = {
    "number": "int64",
    "state": "str",
    "cause": "str",
    "seed": "int64",
    "metric": "str",
    "accuracy": "float64",
    "accuracy_ci_low": "float64",
    "accuracy_ci_high": "float64",
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
    "fidelity": "str",
    "parameters": "Int64",
    "multiply_adds": "Int64",
    "image_size": "Int64",
    "batch_size": "Int64",
    "device": "str",
    "step_mode": "str",
    "busy_share": "float64",
    "sharers": "Int64",
    "epochs": "int64",
    "stopped_at": "Int64",
    "training_s": "float64",
    "stages": "str",
}

_COEFFICIENT_COLUMNS = dict.fromkeys(COEFFICIENTS, "float64")
_PAPER_OBJECTIVE = Objective()
_UNKNOWN = Noise()


def table(
    candidates: Iterable[Candidate],
    objective: Objective = _PAPER_OBJECTIVE,
    noise: Noise = _UNKNOWN,
) -> pd.DataFrame:
    """Return a table with one row per candidate, in the given order; unknown values are NaN or NA.

    ``stages`` is in the notation of :func:`results.candidate.stages_text`, ``image_size`` in
    pixels. A run of ``nas scale --fit`` has three more columns: alpha, beta and gamma.
    """
    import pandas as pd  # a quarter of a second, which not every command needs

    rows = [_row(candidate, objective, noise) for candidate in candidates]
    is_fit = any(row["coefficients"] for row in rows)
    columns = {**COLUMNS, **_COEFFICIENT_COLUMNS} if is_fit else COLUMNS
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def _row(candidate: Candidate, objective: Objective, noise: Noise) -> dict[str, object]:
    row = split_intervals(candidate_json(candidate, objective, noise))
    return {
        **row,
        **(row["coefficients"] or {}),
        "image_size": candidate.step_time and candidate.step_time.image_size,
        "stages": stages_text(candidate.architecture),
    }


def candidate_json(
    candidate: Candidate, objective: Objective, noise: Noise = _UNKNOWN
) -> dict[str, Any]:
    """Return one candidate in JSON types; null stands for an unknown value.

    ``accuracy`` is the value of ``metric``, ``accuracy_ci`` its 95 % interval for one training
    (:class:`Noise`).
    ``image_size`` has the same value for train and eval, since a proxy uses one size. ``epochs``
    counts the epochs that were trained. ``stopped_at`` is the epoch after which a pruner stopped
    the training, 0 if it stopped it before the first. ``coefficients`` are alpha, beta and gamma in
    a run of ``nas scale --fit``.
    """
    architecture = candidate.architecture.to_json()
    return {
        "number": candidate.number,
        "name": candidate_name(candidate),
        "state": candidate.state.value,
        "cause": candidate.cause,
        "detail": candidate.detail,
        "seed": candidate.seed,
        "metric": noise.metric.name,
        "accuracy": candidate.accuracy,
        "accuracy_ci": _accuracy_ci(candidate, noise),
        **step_time_json(candidate.step_time),
        "reward": reward(candidate, objective),
        "coefficients": coefficients(candidate),
        "architecture_id": candidate.architecture.architecture_id,
        "confirms": candidate.confirms,
        "fidelity": candidate.fidelity,
        "parameters": candidate.parameters,
        "multiply_adds": candidate.multiply_adds,
        "multiply_adds_rule": RULE,
        "image_size": image_size_json(candidate),
        "epochs": len(candidate.curve),
        "stopped_at": len(candidate.curve) if candidate.state is State.STOPPED else None,
        "training_s": candidate.phases_s.get("training"),
        **architecture,
    }


def _accuracy_ci(candidate: Candidate, noise: Noise) -> list[float] | None:
    if candidate.accuracy is None:
        return None
    images = candidate.effective_images
    interval = noise.accuracy_interval(candidate.accuracy, images=images)
    return interval and list(interval)


def image_size_json(candidate: Candidate) -> dict[str, int] | None:
    """Return the train and eval size in pixels; None if the step was not timed."""
    if candidate.step_time is None:
        return None
    size = candidate.step_time.image_size
    return {"train": size, "eval": size}


_STEP_TIME_KEYS = (
    "step_time_s",
    "step_time_ci_s",
    "normalized_step_time",
    "normalized_step_time_ci",
    "unsteady",
    "peak_memory_bytes",
    "device",
    "batch_size",
    "conditions",
)

# Key of an interval: the columns of its two ends.
_INTERVAL_COLUMNS = {
    "accuracy_ci": ("accuracy_ci_low", "accuracy_ci_high"),
    "step_time_ci_s": ("step_time_ci_low_s", "step_time_ci_high_s"),
    "normalized_step_time_ci": ("normalized_step_time_ci_low", "normalized_step_time_ci_high"),
}


# Key of the conditions of a step time: its column.
_CONDITIONS = {"mode": "step_mode", "busy_share": "busy_share", "sharers": "sharers"}


def step_time_json(step_time: StepTime | None) -> dict[str, Any]:
    """Return the step time in JSON types; all values are null if the step was not timed.

    Times are in seconds, memory in bytes; intervals are [low, high] at 95 %. ``unsteady`` describes
    what disturbed the measurement, null if nothing did, and ``conditions`` how the steps ran.
    """
    if step_time is None:
        return dict.fromkeys(_STEP_TIME_KEYS)
    interval, ratio_interval = interval_s(step_time), normalized_interval(step_time)
    values = (
        median_s(step_time),
        interval and list(interval),
        normalized(step_time),
        ratio_interval and list(ratio_interval),
        step_time.unsteady,
        step_time.peak_memory_bytes,
        step_time.device,
        step_time.batch_size,
        step_time.conditions and dict(vars(step_time.conditions)),
    )
    return dict(zip(_STEP_TIME_KEYS, values, strict=True))


def split_intervals(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of :func:`step_time_json` as columns: the two ends of an interval, and
    some of the conditions.

    All other keys are kept as they are.
    """
    columns: dict[str, Any] = {}
    for key, value in values.items():
        if key in _INTERVAL_COLUMNS:
            columns.update(zip(_INTERVAL_COLUMNS[key], value or (None, None), strict=True))
        elif key == "conditions":
            columns.update({column: (value or {}).get(k) for k, column in _CONDITIONS.items()})
        else:
            columns[key] = value
    return columns
