"""The model sampler with a reward of the user's own, which need not be affine in the accuracy."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from results.ranking import reward
from reward.objective import Objective, parse_reward
from tests.nas.search.samplers.conftest import Lab


@pytest.fixture
def same_by_another_name(monkeypatch: pytest.MonkeyPatch) -> Objective:
    """The default reward as a function of the user's own."""
    module = ModuleType("mine")
    module.product = lambda a, s, p: a * s**-0.07 * p**-0.05  # type: ignore[attr-defined]
    module.power = lambda a, s, p: (a * s**-0.07 * p**-0.05) ** 8  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mine", module)
    return parse_reward("mine:product")


def test_the_same_reward_gives_the_same_proposals(
    lab: Lab, same_by_another_name: Objective
) -> None:
    expected = [c.architecture for c in lab.search(lab.proposals("model"), 14)]
    lab.objective = same_by_another_name
    found = [c.architecture for c in lab.search(lab.proposals("model"), 14)]
    assert found == expected


def test_a_reward_that_is_not_affine_is_searched(lab: Lab, same_by_another_name: Objective) -> None:
    lab.objective = parse_reward("mine:power")
    by_model, by_chance = (lab.search(lab.proposals(name), 30) for name in ("model", "random"))
    assert len({c.architecture.architecture_id for c in by_model}) == 30
    best, best_by_chance = (
        max(reward(c, lab.objective) or 0 for c in ended) for ended in (by_model, by_chance)
    )
    assert best > best_by_chance
