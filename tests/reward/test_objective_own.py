"""A reward of the user's own, named by package.module:attribute."""

from __future__ import annotations

import math
import sys
from types import ModuleType

import pytest

from reward.objective import Objective, Own, is_own, parse_reward
from search_space.named import NotImported


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("mine")
    monkeypatch.setitem(sys.modules, "mine", module)
    return module


def test_a_function_is_the_reward(mine: ModuleType) -> None:
    mine.squared = lambda a, s, p: a**2 / s - p  # type: ignore[attr-defined]
    objective = parse_reward("mine:squared")
    assert objective(0.5, 2.0, 0.1) == pytest.approx(0.025)
    assert objective.relative_to(0.05) is objective
    assert objective.formula == "mine:squared(accuracy, S/S0, P/P0)"
    assert objective.to_json() == {
        "form": "own", "numbers": {}, "is_in_seconds": False, "name": "mine:squared",
    }  # fmt: skip


def test_its_slope_is_that_near_the_accuracy(mine: ModuleType) -> None:
    mine.squared = lambda a, s, p: a**2  # type: ignore[attr-defined]
    objective = Own(name="mine:squared")
    assert objective.slope(0.3, 1.0, 1.0) == pytest.approx(0.6)
    assert objective.slope(1.0, 1.0, 1.0) == pytest.approx(1.99)


def test_the_slope_of_our_forms_is_the_same_everywhere() -> None:
    objective = parse_reward("absolute:T=1.2")
    assert objective.slope(0.2, 1.0, 1.0) == pytest.approx(1.0)
    product = Objective(-0.5, 0.0)
    assert product.slope(0.2, 4.0, 1.0) == product.slope(0.9, 4.0, 1.0) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (lambda a, s, p: -a, "must rise with the accuracy"),
        (lambda a, s, p: min(a, 0.5), "must rise with the accuracy"),
        (lambda a, s, p: math.nan, "got nan for accuracy .*, must be finite"),
        (lambda a, s, p: "high", "ValueError: could not convert string to float"),
        (lambda a: a, "TypeError: "),
        (7, "which is no function"),
    ],
)
def test_a_function_that_is_no_reward_is_refused(
    mine: ModuleType, function: object, problem: str
) -> None:
    mine.wrong = function  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match=f"mine:wrong.*{problem}"):
        parse_reward("mine:wrong")


def test_a_module_that_is_not_imported_is_named() -> None:
    with pytest.raises(NotImported, match="--import nowhere"):
        parse_reward("nowhere:reward")


def test_our_forms_stay_ours() -> None:
    assert not is_own("hard:T")
    with pytest.raises(ValueError, match=r"must have a target|must be a number"):
        parse_reward("hard:T")
