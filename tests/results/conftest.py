"""Candidates and a record's URL for the tests of ``results``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from results.candidate import Candidate, CurvePoint, State
from results.database_url import sqlite_url
from reward.step_time.measurement import StepTime
from search_space.architecture import Architecture, Stage

MakeCandidate = Callable[..., Candidate]

_ARCHITECTURE = Architecture(
    stages=(Stage("fused_mbconv", 3, 1, 4, 16, 2), Stage("mbconv", 5, 2, 6, 24, 3, 0.25)),
    stem_channels=8,
    stem_stride=1,
    head_channels=128,
)


@pytest.fixture
def make_candidate() -> MakeCandidate:
    """Return a factory of complete candidates; ``step_s`` sets all samples, others are fields."""

    def make(number: int = 0, step_s: float = 0.1, **changes: Any) -> Candidate:
        candidate = Candidate(
            number=number,
            state=State.COMPLETE,
            architecture=_ARCHITECTURE,
            seed=7,
            accuracy=0.75,
            parameters=1000,
            multiply_adds=20_000,
            reference_parameters=2000,
            step_time=StepTime((step_s,) * 7, (0.2,) * 7, 10**9, "cpu", 32, 128),
            curve=(CurvePoint(1, 2.5, 0.5, 1.5), CurvePoint(2, 1.25, 0.75, 3.0)),
            worker="node-a",
            started_at=1000.0,
            finished_at=1010.5,
            phases_s={"build": 0.1, "training": 9.0},
            versions={"torch": "2.13.0", "git_commit": "abc"},
        )
        return replace(candidate, **changes)

    return make


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Return the URL of a record that does not exist yet."""
    return sqlite_url(tmp_path / "record.sqlite")
