"""A file with one architecture: best.json, a scaled one, one saved from the dashboard."""

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


class ArchitectureFileError(ValueError):
    """A file that holds no architecture; the message is one line, its name and the reason."""


@dataclass(frozen=True)
class ArchitectureFile:
    """An architecture with its sizes, what was measured of it and where it came from.

    ``train_size`` and ``eval_size`` are pixels; the counts are for ``task``. ``measurements`` carry
    their device; ``provenance`` says run, candidate, seed, versions and git commit, or the rule and
    the parent of a scaled one. ``training`` is how a scaled one is to be regularized
    (:mod:`scaling.regularization`).
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
        """The file's content; the schema version is the architecture's."""
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
    """Writes it whole or not at all; ValueError for a number that is not finite."""
    return write_text(path, json.dumps(file.to_json(), indent=2, allow_nan=False) + "\n")


def read(path: Path) -> ArchitectureFile:
    """The file that :func:`write` wrote.

    Raises:
        ArchitectureFileError: not there, torn, written by something else, or a later schema.
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
    """What :meth:`ArchitectureFile.to_json` gave; InvalidArchitecture for anything else."""
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


COEFFICIENTS = ("alpha", "beta", "gamma")


def base_json(base: Base, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What others are scaled from, and where it came from, in JSON types."""
    return {
        "name": base.name,
        "architecture_id": base.architecture.architecture_id,
        "image_size": {"train": base.sizes.train, "eval": base.sizes.eval},
        "architecture": base.architecture.to_json(),
        "provenance": dict(provenance),
    }


def base_from_json(data: Mapping[str, Any]) -> Base:
    """What :func:`base_json` wrote.

    Raises:
        KeyError, TypeError, ValueError: it did not.
    """
    size = data["image_size"]
    sizes = ImageSizes(int(size["train"]), int(size["eval"]))
    return Base(str(data["name"]), Architecture.from_json(data["architecture"]), sizes)


def coefficients(candidate: Candidate) -> dict[str, float] | None:
    """Its alpha, beta and gamma; None where it was not made by them."""
    found = {name: candidate.proposal.get(name) for name in COEFFICIENTS}
    if any(not isinstance(value, float | int) for value in found.values()):
        return None
    return {name: float(value) for name, value in found.items() if value is not None}


def origin(candidate: Candidate, settings: Mapping[str, Any]) -> dict[str, Any]:
    """How the candidate was scaled, as ``nas scale`` writes it; nothing in any other run."""
    base, found = settings.get("fit"), coefficients(candidate)
    if not base or not found:
        return {}
    return {
        "rule": "compound",
        "to": "PHI1",
        "place": 1.0,
        "coefficients": found,
        "parent": dict(base),
    }
