"""Runs of ``nas scale --fit``: the base in their settings, and each candidate's coefficients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from results.candidate import Candidate
from scaling.scaled import Base
from scaling.sizes import ImageSizes
from search_space.architecture import Architecture

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
