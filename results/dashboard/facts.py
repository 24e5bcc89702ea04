"""What a run is: its title, task, space and reference network, from its settings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import astuple
from pathlib import Path, PurePath
from typing import Any

from results.architecture_file import ArchitectureFile
from results.candidate import Candidate
from results.dashboard.columns import Row, json_safe, text, whole_number
from results.files import candidate_name
from results.ranking import normalized_step_time
from reward.objective import Objective
from reward.step_time.measurement import StepTime, interval_s, median_s, normalized_interval
from search_space.choices import InvalidSpace
from search_space.space import Space
from search_space.space_file import parse_space
from search_space.task import Task

_LONGEST_SPACE = 1_000_000  # characters; a stranger's may be made to be slow to read


_MEASURED = (
    "accuracy",
    "multiply_adds",
    "step_time_s",
    "peak_memory_bytes",
    "inference_time_s",
    "images_per_s",
)


def space_of(settings: Mapping[str, Any]) -> tuple[Space | None, str | None]:
    """The space that was searched, or None and why it cannot be told."""
    written = settings.get("space")
    if not isinstance(written, str):
        return None, "its settings name no space"
    if len(written) > _LONGEST_SPACE:
        return None, "its space is too long to be one"
    try:
        return parse_space(written), None
    except (InvalidSpace, ValueError, TypeError, RecursionError) as error:
        return None, f"its space cannot be read ({error})"


def title_of(settings: Mapping[str, Any], space: Space | None) -> str:
    """Such as ``small on digits``; of data in a file, its name."""
    data = PurePath(text(settings.get("data")) or "?").name
    return f"{space.name if space else '?'} on {data}"


def task_of(settings: Mapping[str, Any]) -> dict[str, int | None]:
    """How many classes, and images of how many channels."""
    return {
        candidate_name: whole_number(settings.get(candidate_name))
        for candidate_name in ("classes", "in_channels")
    }


def space_json(space: Space | None) -> dict[str, Any] | None:
    """The backbone and what each stage may be."""
    if space is None:
        return None
    return {
        "name": space.name,
        "size": space.size,
        **space.backbone.to_json(),
        "parameters": [
            {
                "name": candidate_name,
                "stage": int(candidate_name.partition(".")[0].removeprefix("stage")),
                "choice": candidate_name.partition(".")[2],
                "options": list(options),
            }
            for candidate_name, options in space.options().items()
        ],
    }


def reference_json(space: Space | None, rows: Iterable[Row]) -> dict[str, Any] | None:
    """The backbone: what is known of it from candidates' references, and from the candidate it is.

    The step time is the median over the candidates of their references', each timed in turn with
    its candidate.
    """
    if space is None:
        return None
    rows = list(rows)
    own = next(
        (row for row in rows if row["architecture_id"] == space.backbone.architecture_id), None
    )
    parameters = (row["reference_parameters"] for row in rows if row["reference_parameters"])
    measured = {candidate_name: own and own.get(candidate_name) for candidate_name in _MEASURED}
    return {
        "name": "backbone",
        "candidate": own and own["number"],
        **measured,
        "parameters": next(parameters, None),
        "normalized_step_time": 1,
        "step_time_s": measured["step_time_s"] or _step_time_s(rows),
    }


def _step_time_s(rows: list[Row]) -> float | None:
    """The backbone's step, S0 = S / (S/S0): the middle one of all that were timed."""
    steps = sorted(
        row["step_time_s"] / row["normalized_step_time"]
        for row in rows
        if row.get("step_time_s") and row["normalized_step_time"]
    )
    return steps[len(steps) // 2] if steps else None


_FACTS = (
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


def detail(
    candidate: Candidate, settings: Mapping[str, Any], run_id: str, prefix: str = ""
) -> dict[str, Any]:
    """One candidate with its file and its commands; ``prefix`` begins the file's name.

    Raises:
        ValueError, TypeError, ArithmeticError: values that no search records.
    """
    file_name = _file_name(f"{prefix}{candidate_name(candidate)}")
    architecture = candidate.architecture
    facts: dict[str, Any] = json_safe({key: getattr(candidate, key) for key in _FACTS})
    return {
        **facts,
        "name": candidate_name(candidate),
        "state": candidate.state.value,
        "seed": text(candidate.seed),
        "architecture": {
            **architecture.to_json(),
            "architecture_id": architecture.architecture_id,
        },
        "curve": json_safe([astuple(point) for point in candidate.curve]),
        "samples_s": json_safe(candidate.step_time.samples_s) if candidate.step_time else [],
        "reference_samples_s": (
            json_safe(candidate.step_time.reference_samples_s) if candidate.step_time else []
        ),
        "step_time": candidate.step_time and _step_time(candidate, candidate.step_time),
        "file_name": file_name,
        "file": _file(candidate, settings, run_id),
        "commands": _commands(file_name, settings),
    }


def _step_time(candidate: Candidate, timed: StepTime) -> dict[str, Any]:
    facts: dict[str, Any] = json_safe(
        {
            "device": timed.device,
            "image_size": timed.image_size,
            "batch_size": timed.batch_size,
            "micro_batch_size": timed.micro_batch_size,
            "is_precise": timed.is_precise,
            "unsteady": timed.unsteady,
            "step_time_s": median_s(timed),
            "step_time_ci_s": interval_s(timed),
            "normalized_step_time": normalized_step_time(candidate),
            "normalized_ci": normalized_interval(timed),
            "peak_memory_bytes": timed.peak_memory_bytes,
        }
    )
    return facts


def _file(candidate: Candidate, settings: Mapping[str, Any], run_id: str) -> dict[str, Any] | None:
    """What ``--arch`` and ``--from`` read, as best.json; None where the run does not say enough."""
    from results.files import winner_file  # with pandas, which the page does not wait for

    classes, channels = (
        whole_number(settings.get("classes")),
        whole_number(settings.get("in_channels")),
    )
    if not classes or not channels:
        return None
    task = Task(classes, channels)
    if candidate.step_time is not None:
        file = winner_file(candidate, Objective(), run_id, task, settings=settings)
        written: dict[str, Any] = json_safe(file.to_json())
        return written
    size = candidate.image_size or whole_number(settings.get("image_size"))
    if not size:
        return None
    provenance = {"run": run_id, "candidate": candidate.number, "seed": candidate.seed}
    architecture = candidate.architecture
    file = ArchitectureFile(
        candidate_name(candidate), architecture, size, size, task, provenance=provenance
    )
    untimed: dict[str, Any] = json_safe(file.to_json())
    return untimed


def _file_name(stem: str) -> str:
    """A name that is no option, no hidden file and the same in every shell."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).lstrip("-.") + ".json"


def _commands(file_name: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """Quoted: the data's name comes from the run, and someone will paste this into a shell."""
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


_LOCKS = Path("/proc/locks")  # Linux; proc_locks(5)


def is_searching(run: Path) -> bool | None:
    """True if a process of this machine holds the run's lock; None where that cannot be told.

    Taking the lock to try it could turn away a search that begins at that moment.
    """
    try:
        inode = (run / "lock").stat().st_ino
    except OSError:
        return False
    try:
        lines = _LOCKS.read_text().splitlines()
    except OSError:
        return None
    fields = (line.split() for line in lines)
    return any(
        "FLOCK" in f and f[-3].rpartition(":")[2] == str(inode) for f in fields if len(f) > 3
    )
