"""Facts about a run for the page: title, task, space, backbone, and single candidates."""

from __future__ import annotations

import math
import platform
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple
from pathlib import Path, PurePath
from statistics import fmean
from typing import Any

from results.candidate import Candidate, State, candidate_name
from results.candidate_file import single_file
from results.causes import reason
from results.dashboard.columns import Row, json_safe, number, text, whole_number
from results.forecast import Plan
from results.noise import Outcome
from results.ranking import recorded_objective
from results.running import WorkerNames
from results.verdict import find_verdict
from reward.metric import recorded_metric
from reward.objective import Objective
from reward.step_time.measurement import (
    StepTime,
    interval_s,
    median_s,
    normalized,
    normalized_interval,
)
from search_space.bounds import read_text
from search_space.choices import InvalidSpace
from search_space.space import Space
from search_space.space_file import parse_space

_LOCKS = Path("/proc/locks")  # Linux; proc_locks(5)
_MOST_LINES = 20  # of an error
_MEASUREMENTS = (
    "accuracy",
    "multiply_adds",
    "step_time_s",
    "peak_memory_bytes",
    "inference_time_s",
    "images_per_s",
)
_RUNNING_NUMBERS = ("started_at", "accuracy", "step_time_s", "normalized_step_time")
_RUNNING_COUNTS = ("number", "confirms", "epochs", "parameters")
_CURVE_VALUES = 4  # of an epoch
_DETAIL_FIELDS = (
    "number",
    "cause",
    "detail",
    "worker",
    "started_at",
    "finished_at",
    "accuracy",
    "parameters",
    "reference_parameters",
    "multiply_adds",
    "inference_time_s",
    "phases_s",
    "versions",
    "proposal",
)


def space_of(settings: Mapping[str, Any]) -> tuple[Space | None, str | None]:
    """Return the space that was searched, or None and the reason why it cannot be read."""
    source = settings.get("space")
    if not isinstance(source, str):
        return None, "the run's settings hold no space"
    try:
        return parse_space(source), None
    except (InvalidSpace, ValueError, TypeError, RecursionError) as error:
        return None, f"the run's space cannot be read ({error})"


def plan_of(settings: Mapping[str, Any], space: Space | None) -> Plan:
    """Return the plan of a run's settings, in its space; one without ends if they are damaged."""
    is_known = space is not None and not settings.get("fit")
    try:
        return Plan.recorded(settings, space.size if space is not None and is_known else math.inf)
    except (ValueError, TypeError, ArithmeticError, AttributeError):
        return Plan()


def objective_of(settings: Mapping[str, Any]) -> Objective:
    """Return the objective of a run's settings; the default one if they hold none that is valid."""
    try:
        return recorded_objective(settings)
    except ValueError:
        return Objective()


def objective_problem(settings: Mapping[str, Any]) -> str | None:
    """Return why a run's rewards are by the default formula and not by its own; None if not so."""
    try:
        recorded_objective(settings)
    except ValueError as error:
        return f"rewards are by the default formula, as the run's own is not known: {error}"
    return None


def verdict_json(
    found: Sequence[Outcome], objective: Objective, settings: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return the VERDICT on the run's winner; None without one."""
    verdict = find_verdict(found, objective, settings)
    if verdict is None:
        return None
    certainty = verdict.certainty
    values: dict[str, Any] = json_safe(
        {
            "winner": verdict.winner,
            "objective": objective.to_json(),
            "sentences": verdict.sentences,
            "warnings": verdict.warnings,
            "hint": verdict.hint,
            "chances": certainty and certainty.chances,
            "within_noise": certainty and certainty.ties,
            "expected_reward": certainty and certainty.expected_reward,
        }
    )
    return values


def title_of(settings: Mapping[str, Any], space: Space | None) -> str:
    """Return the run's title, such as ``small on digits``; data in a file stand by its name."""
    data = PurePath(text(settings.get("data")) or "?").name
    return f"{space.name if space else '?'} on {data}"


def shown_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings, with the earlier runs that were learnt from by their names alone."""
    earlier = settings.get("learn_from")
    runs = earlier if isinstance(earlier, list) else []
    names = [run.get("run") for run in runs if isinstance(run, Mapping)]
    return {**settings, "learn_from": names} if earlier else dict(settings)


def task_of(settings: Mapping[str, Any]) -> dict[str, int | None]:
    """Return the number of classes and of the images' channels."""
    return {name: whole_number(settings.get(name)) for name in ("classes", "in_channels")}


def metric_json(settings: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the name of the run's metric, and what it is called in texts and in heads."""
    metric = recorded_metric(settings)
    return {key: text(getattr(metric, key)) for key in ("name", "title", "short")}


def space_json(space: Space | None) -> dict[str, Any] | None:
    """Return the space's backbone and choices."""
    if space is None:
        return None
    return {
        "name": space.name,
        "size": space.size,
        **space.backbone.to_json(),
        "parameters": [
            {
                "name": name,
                "stage": int(name.partition(".")[0].removeprefix("stage")),
                "choice": name.partition(".")[2],
                "options": list(options),
            }
            for name, options in space.options().items()
        ],
    }


def reference_json(space: Space | None, rows: Iterable[Row]) -> dict[str, Any] | None:
    """Return what was measured of the backbone.

    It comes from the first candidate with the same architecture, if there is one; the accuracy is
    the mean of all trainings of the backbone. The step time and the parameters are otherwise those
    of the candidates' references; of their step times the median.
    """
    if space is None:
        return None
    rows = list(rows)
    backbone_id = space.backbone.architecture_id
    trained = [row for row in rows if row["architecture_id"] == backbone_id]
    backbone = next((row for row in trained if row["accuracy"] is not None), None)
    accuracies = [row["accuracy"] for row in trained if row["accuracy"] is not None]
    parameters = (row["reference_parameters"] for row in rows if row["reference_parameters"])
    measured = {name: backbone and backbone.get(name) for name in _MEASUREMENTS}
    return {
        "name": "backbone",
        "candidate": backbone and backbone["number"],
        **measured,
        "accuracy": fmean(accuracies) if accuracies else None,
        "parameters": next(parameters, None),
        "normalized_step_time": 1,
        "step_time_s": measured["step_time_s"] or _reference_step_time_s(rows),
    }


def _reference_step_time_s(rows: Iterable[Row]) -> float | None:
    """Return the median of the backbone's step times, one timed with each candidate."""
    times_s = sorted(time_s for row in rows if (time_s := row.get("reference_step_time_s")))
    return times_s[len(times_s) // 2] if times_s else None


def running_json(entries: Sequence[Mapping[str, Any]], rows: Iterable[Row]) -> dict[str, Any]:
    """Return RUNNING, and the names of the workers, by their keys.

    ``entries`` are those of the search's file; what has ended since is left out.
    """
    running: set[int] = set()
    begun: dict[str | None, float] = {}  # when each worker began its first candidate
    for row in rows:
        if row["state"] == State.RUNNING:
            running.add(row["number"])
        start = row["started_at"] or 0.0
        begun[row["worker"]] = min(start, begun.get(row["worker"], start))
    shown = [entry for entry in entries if entry["number"] in running]
    names = WorkerNames(sorted(begun, key=begun.__getitem__))
    for entry in shown:
        names.add(text(entry.get("worker")))
    found = [
        {
            **{name: number(entry.get(name)) for name in _RUNNING_NUMBERS},
            **{name: whole_number(entry.get(name)) for name in _RUNNING_COUNTS},
            "fidelity": text(entry.get("fidelity")),
            "worker": text(entry.get("worker")),
            "name": names.name(text(entry.get("worker"))) or None,
            "curve": _curve(entry.get("curve")),
            "stages": json_safe(entry.get("stages")),
        }
        for entry in shown
    ]
    return {"running": found, "workers": names.names()}


def _curve(points: object) -> list[list[float]]:
    """Return a curve from a file; empty unless every epoch has its numbers."""
    if not isinstance(points, list):
        return []
    found = [[number(value) for value in point] for point in points if isinstance(point, list)]
    known = [[value for value in point if value is not None] for point in found]
    is_whole = len(known) == len(points) and all(len(point) == _CURVE_VALUES for point in known)
    return known if is_whole else []


def detail(
    candidate: Candidate, settings: Mapping[str, Any], run_id: str, prefix: str = ""
) -> dict[str, Any]:
    """Return a DETAIL of :mod:`results.dashboard.payload`; ``prefix`` begins the file's name.

    Raises:
        ValueError, TypeError, ArithmeticError: values that no search records.
    """
    file_name = _file_name(f"{prefix}{candidate_name(candidate)}")
    architecture, step_time = candidate.architecture, candidate.step_time
    fields: dict[str, Any] = json_safe({key: getattr(candidate, key) for key in _DETAIL_FIELDS})
    return {
        **fields,
        "name": candidate_name(candidate),
        "state": candidate.state.value,
        "reason": reason(candidate.cause, settings),
        "trace": [text(line) for line in (candidate.trace or "").splitlines()[-_MOST_LINES:]],
        "seed": text(candidate.seed),
        "architecture": {
            **architecture.to_json(),
            "architecture_id": architecture.architecture_id,
        },
        "curve": json_safe([astuple(point) for point in candidate.curve]),
        "samples_s": json_safe(step_time.samples_s) if step_time else [],
        "reference_samples_s": json_safe(step_time.reference_samples_s) if step_time else [],
        "step_time": step_time and _step_time_json(step_time),
        "file_name": file_name,
        "file": _file(candidate, settings, run_id),
        "commands": _commands(file_name, settings),
    }


def _step_time_json(step_time: StepTime) -> dict[str, Any]:
    values: dict[str, Any] = json_safe(
        {
            "device": step_time.device,
            "image_size": step_time.image_size,
            "batch_size": step_time.batch_size,
            "micro_batch_size": step_time.micro_batch_size,
            "is_precise": step_time.is_precise,
            "unsteady": step_time.unsteady,
            "conditions": step_time.conditions and vars(step_time.conditions),
            "step_time_s": median_s(step_time),
            "step_time_ci_s": interval_s(step_time),
            "normalized_step_time": normalized(step_time),
            "normalized_ci": normalized_interval(step_time),
            "peak_memory_bytes": step_time.peak_memory_bytes,
        }
    )
    return values


def _file(candidate: Candidate, settings: Mapping[str, Any], run_id: str) -> dict[str, Any] | None:
    """Return the candidate's architecture file; None if the settings lack the task or a size."""
    try:
        file = single_file(candidate, settings, run_id, objective_of(settings))
    except ValueError:
        return None
    content: dict[str, Any] = json_safe(file.to_json())
    return content


def _file_name(stem: str) -> str:
    """Return a file name that is not an option, not hidden, and needs no quotes in a shell."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).lstrip("-.") + ".json"


def _commands(file_name: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """Return commands for a shell, quoted, since the data's name may come from a stranger's run."""
    stem = file_name.removesuffix(".json")
    data = text(settings.get("data")) or "DATA"
    to = "PHI2" if settings.get("fit") else "M"
    return {
        "scale": shlex.join(
            ["nas", "scale", "--from", file_name, "--to", to, "--out", f"{stem}-{to.lower()}.json"]
        ),
        "train": shlex.join(
            ["nas", "train", "--arch", file_name, f"--data={data}", "--out", f"runs/{stem}"]
        ),
    }


def is_searching(run: Path) -> bool | None:
    """Return whether a process holds the run's lock; None if that cannot be known here.

    A lock shows on its own machine only, whose name is in the lock's file.
    The lock is not taken to find out, since a search that begins at that moment would be refused.
    """
    try:
        inode = (run / "lock").stat().st_ino
        machine = read_text(run / "lock").strip()
    except (OSError, ValueError):
        return False
    if machine not in ("", platform.node()):
        return None
    try:
        lines = _LOCKS.read_text().splitlines()
    except OSError:
        return None
    locks = (line.split() for line in lines)
    return any(
        "FLOCK" in lock and lock[-3].rpartition(":")[2] == str(inode)
        for lock in locks
        if len(lock) > 3
    )
