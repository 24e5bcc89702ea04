"""The choice that determines a target has the highest importance."""

from __future__ import annotations

import random
from typing import Any

import pytest

from results.dashboard.importance import MIN_CANDIDATES, importances
from reward.objective import Objective
from search_space.space import Space
from search_space.spaces import small

SPACE: Space = small()
DECISIVE = list(SPACE.options()).index("stage2.expansion")


def _row(number: int, **changes: Any) -> dict[str, Any]:
    """Return a row whose accuracy depends on one choice, and its step time on another."""
    generator = random.Random(number)
    choices = [generator.randrange(len(options)) for options in SPACE.options().values()]
    return {
        "number": number,
        "confirms": None,
        "state": "complete",
        "epochs": 1,
        "started_at": None,
        "finished_at": None,
        "worker": None,
        "unsteady": None,
        "choices": choices,
        "accuracy": 0.5 + 0.1 * choices[DECISIVE],
        "normalized_step_time": 1.0 + 0.5 * choices[0],
        "reference_step_time_s": 0.1,
        "parameters": 1000,
        "reference_parameters": 1000,
        "fidelity": None,
        **changes,
    }


ROWS = [_row(number) for number in range(200)]


def test_the_choice_that_determines_the_target_comes_first() -> None:
    found = importances(ROWS, SPACE, Objective())
    first = {target: next(iter(answer["values"])) for target, answer in found.items()}
    assert first["accuracy"] == "stage2.expansion"
    assert first["normalized_step_time"] == "stage1.operator"
    assert sum(found["accuracy"]["values"].values()) == pytest.approx(1)


def test_the_exponents_change_the_importance_for_the_reward() -> None:
    found = importances(ROWS, SPACE, Objective(0.0, 0.0), ["reward"])["reward"]
    assert next(iter(found["values"])) == "stage2.expansion"
    alike = [{**row, "accuracy": 0.7} for row in ROWS]
    found = importances(alike, SPACE, Objective(-0.07, 0.0), ["reward"])["reward"]
    assert next(iter(found["values"])) == "stage1.operator"


def test_only_complete_candidates_of_the_space_count() -> None:
    others = [
        _row(0, state="failed"),
        _row(1, accuracy=None),
        _row(2, choices=[None] * len(SPACE.options())),
        _row(3, parameters=None),
    ]
    answer = importances([*ROWS, *others], SPACE, Objective(), ["accuracy"])["accuracy"]
    assert answer["candidates"] == len(ROWS)


def test_too_few_candidates_are_a_problem() -> None:
    answer = importances(ROWS[: MIN_CANDIDATES - 1], SPACE, Objective())["reward"]
    assert answer["values"] == {}
    assert f"has {MIN_CANDIDATES - 1}" in answer["problem"]
    assert "space" in importances(ROWS, None, Objective())["reward"]["problem"]
