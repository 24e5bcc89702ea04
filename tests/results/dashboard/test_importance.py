"""Importance goes to the choice that decides."""

from __future__ import annotations

import random
from typing import Any

import pytest

from results.dashboard.importance import FEWEST, importances
from reward.objective import Objective
from search_space.space import Space
from search_space.spaces import small

SPACE: Space = small()
DECIDES = list(SPACE.options()).index("stage2.expansion")


def _row(number: int, **changes: Any) -> dict[str, Any]:
    """A candidate whose accuracy follows from one choice, its step time from another."""
    generator = random.Random(number)
    choices = [generator.randrange(len(options)) for options in SPACE.options().values()]
    return {
        "state": "complete",
        "choices": choices,
        "accuracy": 0.5 + 0.1 * choices[DECIDES],
        "normalized_step_time": 1.0 + 0.5 * choices[0],
        "parameters": 1000,
        "reference_parameters": 1000,
        **changes,
    }


ROWS = [_row(number) for number in range(200)]


def test_the_choice_that_decides_comes_first() -> None:
    found = importances(ROWS, SPACE, Objective())
    first = {target: next(iter(answer["values"])) for target, answer in found.items()}
    assert first["accuracy"] == "stage2.expansion"
    assert first["normalized_step_time"] == "stage1.operator"
    assert sum(found["accuracy"]["values"].values()) == pytest.approx(1)


def test_the_exponents_decide_what_the_reward_is() -> None:
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


def test_too_few_are_said_to_be_so() -> None:
    answer = importances(ROWS[: FEWEST - 1], SPACE, Objective())["reward"]
    assert answer["values"] == {}
    assert f"has {FEWEST - 1}" in answer["problem"]
    assert "space" in importances(ROWS, None, Objective())["reward"]["problem"]
