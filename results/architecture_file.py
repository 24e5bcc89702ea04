"""A file with one architecture: best.json, a scaled network, or one saved from the dashboard.

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
from scaling.scaled import Base, ImageSizes
from search_space.architecture import Architecture, InvalidArchitecture
from search_space.task import IMAGENET, Task

COEFFICIENTS = ("alpha", "beta", "gamma")  # of compound scaling: depth, width and resolution


class ArchitectureFileError(ValueError):
    """The file holds no architecture; the message is one line with its name and the reason."""


@dataclass(frozen=True)
class ArchitectureFile:
    """An architecture with its image sizes, its measurements and its origin.

    ``train_size`` and ``eval_size`` are in pixels. ``parameters`` and ``multiply_adds`` are counted
    for ``task``. ``measurements`` include their device. ``provenance`` holds the run, candidate,
    seed, versions and git commit, and for a scaled network the rule and the parent. ``training`` is
    the regularization of a scaled network (:mod:`scaling.regularization`).
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
        return from_json(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ArchitectureFileError(f"{path}: cannot be read ({error.strerror})") from error
    except InvalidArchitecture as error:
        raise ArchitectureFileError(f"{path}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise ArchitectureFileError(f"{path}: torn, or not JSON ({error})") from error


def from_json(data: object) -> ArchitectureFile:
    """Parse the output of :meth:`ArchitectureFile.to_json`.

    Raises:
        InvalidArchitecture: the data is anything else, or of a later schema.
    """
    if not isinstance(data, dict) or "stages" not in data:
        raise InvalidArchitecture("holds no architecture, such as best.json does")
    size = data.get("image_size")
    if not isinstance(size, dict):
        raise InvalidArchitecture(f"image_size: got {size!r}, must be {{'train': .., 'eval': ..}}")
    return ArchitectureFile(
        name=_typed(data, "name", str),
        architecture=Architecture.from_json(data),
        train_size=_positive(size, "train"),
        eval_size=_positive(size, "eval"),
        task=Task(_positive(data, "classes"), _positive(data, "in_channels")),
        parameters=_typed(data, "parameters", int | None),
        multiply_adds=_typed(data, "multiply_adds", int | None),
        measurements=_typed(data, "measurements", dict | None) or {},
        provenance=_typed(data, "provenance", dict | None) or {},
        training=_typed(data, "training", dict | None) or {},
    )


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
    sizes = ImageSizes(int(size["train"]), int(size["eval"]))
    return Base(str(data["name"]), Architecture.from_json(data["architecture"]), sizes)


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


def _positive(data: Mapping[str, Any], key: str) -> int:
    number: int = _typed(data, key, int)
    if number < 1:
        raise InvalidArchitecture(f"{key}: got {number}, must be 1 or more")
    return number


def _typed(data: Mapping[str, Any], key: str, kind: Any) -> Any:
    value = data.get(key)
    if isinstance(value, bool) or not isinstance(value, kind):
        raise InvalidArchitecture(
            f"{key}: got {value!r}, must be {getattr(kind, '__name__', kind)}"
        )
    return value
