"""Candidates with curves, and a recorded search to go through again."""

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
TABLE = Path(__file__).parents[3] / "benchmarks" / "small_on_shapes.csv"

_ARCHITECTURE = Architecture((Stage("mbconv", 3, 1, 1, 4, 1, 0.25),), stem_channels=4)


def made(
    number: int, accuracies: Sequence[float], step_time: float = 1.0, share: float = 1.0
) -> Candidate:
    """A candidate that trained to the end of ``accuracies``; ``share`` is P/P0."""
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
    """The candidate as it stood after so many epochs."""
    return replace(candidate, state=State.RUNNING, accuracy=None, curve=candidate.curve[:epochs])


@pytest.fixture(scope="session")
def recorded() -> list[Candidate]:
    """The 200 complete candidates of a random search, the step time as a multiple; no curves."""
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
