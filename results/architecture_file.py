"""A file with one architecture: best.json, a scaled network, or one saved from the dashboard.

A candidate of ``nas results --json`` that is saved as a file is one too.

Also the JSON of the base that a scaled network comes from, and the coefficients of ``--fit``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from results.atomic import write_text
from results.candidate import Candidate
from results.multiply_adds import RULE, by_todays_rule
from scaling.scaled import Base, ImageSizes
from search_space import bounds
from search_space.architecture import Architecture, InvalidArchitecture
from search_space.task import IMAGENET, Task

COEFFICIENTS = ("alpha", "beta", "gamma")  # of compound scaling: depth, width and resolution


class ArchitectureFileError(ValueError):
    """The file holds no architecture; the message is one line with its name and the reason."""


@dataclass(frozen=True)
class ArchitectureFile:
    """An architecture with its image sizes, its measurements and its origin.

    ``train_size`` and ``eval_size`` are in pixels. ``parameters`` and ``multiply_adds`` are counted
    for ``task``, the latter by :data:`results.multiply_adds.RULE`; None where they are not known,
    also where a file of an earlier release holds a count that cannot be converted.
    ``measurements`` include their device. ``provenance`` holds the run, candidate, seed, versions
    and git commit, and for a scaled network the rule and the parent. ``training`` is the
    regularization of a scaled network (:mod:`scaling.regularization`).
    """

    name: str
    architecture: Architecture
    train_size: int
    eval_size: int
    task: Task = IMAGENET
    parameters: int | None = None
    multiply_adds: int | None = None
    measurements: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the content of the file; its schema version is the architecture's."""
        return {
            "name": self.name,
            "architecture_id": self.architecture.architecture_id,
            "parameters": self.parameters,
            "multiply_adds": self.multiply_adds,
            "multiply_adds_rule": RULE,
            "image_size": {"train": self.train_size, "eval": self.eval_size},
            "classes": self.task.classes,
            "in_channels": self.task.in_channels,
            **self.architecture.to_json(),
            "measurements": dict(self.measurements),
            "provenance": dict(self.provenance),
            **({"training": dict(self.training)} if self.training else {}),
        }


def write(path: Path, file: ArchitectureFile) -> Path:
    """Write the file, whole or not at all; ValueError for a number that is not finite."""
    return write_text(path, json.dumps(file.to_json(), indent=2, allow_nan=False) + "\n")


def read(path: Path) -> ArchitectureFile:
    """Read a file that :func:`write` wrote.

    Raises:
        ArchitectureFileError: it is missing, truncated, not an architecture, or of a later schema.
    """
    try:
        return from_json(bounds.read_json(path))
    except OSError as error:
        raise ArchitectureFileError(f"{path}: cannot be read ({error.strerror})") from error
    except (InvalidArchitecture, bounds.OutOfBounds) as error:
        raise ArchitectureFileError(f"{path}: {error}") from error
    except ValueError as error:
        raise ArchitectureFileError(f"{path}: torn, or not JSON ({error})") from error


def from_json(data: object) -> ArchitectureFile:
    """Parse the output of :meth:`ArchitectureFile.to_json`.

    Raises:
        InvalidArchitecture: the data is anything else, or of a later schema.
    """
    if isinstance(data, dict) and isinstance(data.get("candidates"), list):
        count = len(data["candidates"])
        raise InvalidArchitecture(f"holds {count} candidates, must hold one; or name RUN#7")
    if not isinstance(data, dict) or "stages" not in data:
        raise InvalidArchitecture("holds no architecture, such as best.json does")
    try:
        return _parsed(data if "measurements" in data else _of_table(data))
    except bounds.OutOfBounds as error:
        raise InvalidArchitecture(str(error)) from error


def _parsed(data: Mapping[str, Any]) -> ArchitectureFile:
    size = data.get("image_size")
    if not isinstance(size, dict):
        raise InvalidArchitecture(
            f"image_size: got {bounds.shown(size)}, must be {{'train': .., 'eval': ..}}"
        )
    classes = bounds.whole("classes", data.get("classes"), bounds.MOST_CLASSES)
    channels = bounds.whole("in_channels", data.get("in_channels"), bounds.MOST_IMAGE_CHANNELS)
    architecture = Architecture.from_json(data)
    eval_size = bounds.whole("eval", size.get("eval"), bounds.MOST_IMAGE_SIZE)
    count, rule = _count(data, "multiply_adds"), data.get("multiply_adds_rule")
    return ArchitectureFile(
        name=bounds.text("name", data.get("name")),
        architecture=architecture,
        train_size=bounds.whole("train", size.get("train"), bounds.MOST_IMAGE_SIZE),
        eval_size=eval_size,
        task=Task(classes, channels),
        parameters=_count(data, "parameters"),
        multiply_adds=by_todays_rule(count, rule, architecture, eval_size),
        measurements=_measurements(_object(data, "measurements")),
        provenance=_object(data, "provenance"),
        training=checked_training(_object(data, "training")),
    )


def _of_table(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a candidate of ``nas results --json`` in the form of a file.

    There, measurements stand beside the architecture, with the candidate's number, seed and run.
    """
    names = (*_NUMBERS, *_INTERVALS, *_TEXTS, "conditions")
    origin = {"run": "run", "number": "candidate", "seed": "seed"}
    return {
        **data,
        "measurements": {name: data[name] for name in names if data.get(name) is not None},
        "provenance": {origin[key]: data[key] for key in origin if key in data}
        or data.get("provenance"),
    }


def base_json(base: Base, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return the base that networks are scaled from, with its origin, in JSON types."""
    return {
        "name": base.name,
        "architecture_id": base.architecture.architecture_id,
        "image_size": {"train": base.sizes.train, "eval": base.sizes.eval},
        "architecture": base.architecture.to_json(),
        "provenance": dict(provenance),
    }


def base_from_json(data: Mapping[str, Any]) -> Base:
    """Parse the output of :func:`base_json`.

    Raises:
        KeyError, TypeError, ValueError: the data is anything else.
    """
    size = data["image_size"]
    sizes = ImageSizes(size["train"], size["eval"])
    name = bounds.text("name", data["name"])
    return Base(name, Architecture.from_json(data["architecture"]), sizes)


def coefficients(candidate: Candidate) -> dict[str, float] | None:
    """Return the candidate's alpha, beta and gamma; None if it was not proposed by them."""
    values = {name: candidate.proposal.get(name) for name in COEFFICIENTS}
    if any(not isinstance(value, float | int) for value in values.values()):
        return None
    return {name: float(value) for name, value in values.items() if value is not None}


def scaling_provenance(candidate: Candidate, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a candidate of ``nas scale --fit`` was scaled; empty in any other run."""
    base, values = settings.get("fit"), coefficients(candidate)
    if not base or not values:
        return {}
    return {
        "rule": "compound",
        "to": "PHI1",
        "place": 1.0,
        "coefficients": values,
        "parent": dict(base),
    }


# What of the measurements and of the regularization other modules compute with.
_NUMBERS = (
    "accuracy",
    "epochs",
    "step_time_s",
    "normalized_step_time",
    "batch_size",
    "minival_images",
    "peak_memory_bytes",
    "reward",
)
_TEXTS = ("device", "unsteady", "metric")
_INTERVALS = ("accuracy_ci", "step_time_ci_s", "normalized_step_time_ci")
_RANGES = {  # of progressive learning
    "image_size": bounds.MOST_IMAGE_SIZE,
    "randaugment_magnitude": bounds.MOST_STRENGTH,
    "mixup_alpha": bounds.MOST_STRENGTH,
    "dropout": 1,
}


_WORDS = ("mode", "failure", "host", "driver")  # of the conditions in which a step was timed


def _measurements(data: dict[str, Any]) -> dict[str, Any]:
    for name in _NUMBERS:
        _check_number(name, data.get(name))
    for name in _INTERVALS:
        if data.get(name) is not None:
            _check_pair(name, data[name], bounds.MOST_INTEGER)
    for name in _TEXTS:
        if data.get(name) is not None:
            bounds.text(name, data[name])
    for key in ("conditions", "confirmation"):
        _check_values(key, _object(data, key))
    return data


def _check_values(key: str, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if name in _WORDS:
            bounds.text(f"{key}: {name}", value or "")
        elif name != "candidates":
            _check_number(f"{key}: {name}", value)


def checked_training(data: dict[str, Any]) -> dict[str, Any]:
    """Return the regularization of a network if its values are within bounds.

    Raises:
        InvalidArchitecture, OutOfBounds: one is not.
    """
    for name in ("dropout", "survival"):
        if name in data:
            bounds.real(name, data[name], 1)
    for name, ends in _object(data, "progressive").items():
        if name not in _RANGES:
            raise InvalidArchitecture(
                f"progressive: got {bounds.shown(name)}, must be one of {', '.join(_RANGES)}"
            )
        _check_pair(f"progressive: {name}", ends, _RANGES[name])
    return data


def _check_number(name: str, value: object) -> None:
    if value is not None:
        bounds.real(name, value, bounds.MOST_INTEGER, -bounds.MOST_INTEGER)


def _check_pair(name: str, value: object, most: float) -> None:
    if not isinstance(value, list) or len(value) != 2:
        raise InvalidArchitecture(f"{name}: got {bounds.shown(value)}, must be two numbers")
    for end in value:
        bounds.real(name, end, most)


def _count(data: Mapping[str, Any], key: str) -> int | None:
    value = data.get(key)
    return None if value is None else bounds.whole(key, value, bounds.MOST_INTEGER, least=0)


def _object(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    if not isinstance(value, dict | None):
        raise InvalidArchitecture(f"{key}: got {bounds.shown(value)}, must be an object")
    return value or {}
