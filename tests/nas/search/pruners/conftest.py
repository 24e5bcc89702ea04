"""Candidates with curves, and the candidates of a recorded search."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from results.candidate import Candidate, CurvePoint, State
from reward.step_time.measurement import StepTime
from search_space.architecture import Architecture, Stage

EPOCHS = 10
MakeCurve = Callable[..., Candidate]
TABLE = Path(__file__).parents[4] / "benchmarks" / "small_on_shapes.csv"

_ARCHITECTURE = Architecture((Stage("mbconv", 3, 1, 1, 4, 1, 0.25),), stem_channels=4)


def made(
    number: int, accuracies: Sequence[float], step_time: float = 1.0, share: float = 1.0
) -> Candidate:
    """Return a complete candidate with this curve; ``share`` is P/P0."""
    points = (CurvePoint(i, 1.0, accuracy, float(i)) for i, accuracy in enumerate(accuracies, 1))
    return Candidate(
        number=number,
        state=State.COMPLETE,
        architecture=_ARCHITECTURE,
        seed=number,
        accuracy=accuracies[-1] if accuracies else None,
        parameters=round(1_000_000 * share),
        reference_parameters=1_000_000,
        step_time=StepTime((step_time,) * 6, (1.0,) * 6, 1, "cpu", 8, 4),
        curve=tuple(points),
    )


def after(candidate: Candidate, epochs: int) -> Candidate:
    """Return the candidate as it was, running, after so many epochs."""
    return replace(candidate, state=State.RUNNING, accuracy=None, curve=candidate.curve[:epochs])


@pytest.fixture(scope="session")
def recorded() -> list[Candidate]:
    """Return the 200 complete candidates of a random search, with S0 = 1 and one-point curves."""
    with TABLE.open() as file:
        rows = [row for row in csv.DictReader(file) if row["state"] == "complete"]
    smallest = min(int(row["parameters"]) for row in rows)
    return [
        replace(
            made(int(row["number"]), [float(row["accuracy"])], float(row["normalized_step_time"])),
            parameters=int(row["parameters"]),
            reference_parameters=smallest,
        )
        for row in rows
    ]
