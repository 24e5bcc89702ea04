"""What a run is: its title, task, space and reference network, from its settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from results.dashboard.columns import Row, text, whole
from search_space.choices import InvalidSpace
from search_space.space import Space
from search_space.space_file import parse_space

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
    return {name: whole(settings.get(name)) for name in ("classes", "in_channels")}


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
                "name": name,
                "stage": int(name.partition(".")[0].removeprefix("stage")),
                "choice": name.partition(".")[2],
                "options": list(options),
            }
            for name, options in space.parameters().items()
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
    measured = {name: own and own.get(name) for name in _MEASURED}
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
