"""What a run compares, as its record holds it."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import pytest

from results.candidate import FULL, PROXY
from results.comparison import Comparison, Fidelity
from results.forecast import Plan

SHORT, LONG = Fidelity(10, 32, 0.5), Fidelity(50, 64)
COMPARISON = Comparison({FULL: LONG, "size=24": Fidelity(10, 24, 0.5)}, 2, 0.1)
JSON = COMPARISON.to_json()


def test_a_comparison_comes_back_from_its_json() -> None:
    assert Comparison.recorded({"proxy": JSON}) == COMPARISON
    assert Comparison.recorded({}) is None


@pytest.mark.parametrize(
    "change",
    [
        {"fidelities": {}},
        {"fidelities": None},
        {"fidelities": {"other": asdict(LONG)}},
        {"fidelities": {FULL: asdict(LONG), PROXY: asdict(LONG)}},
        {"fidelities": {FULL: 3}},
        {"fidelities": {FULL: {**asdict(LONG), "epochs": 0}}},
        {"fidelities": {FULL: {**asdict(LONG), "epochs": "3"}}},
        {"fidelities": {FULL: {**asdict(LONG), "image_size": 2**20}}},
        {"fidelities": {FULL: {**asdict(LONG), "data_share": 0.0}}},
        {"fidelities": {FULL: {**asdict(LONG), "data_share": math.nan}}},
        {"fidelities": {FULL: {"epochs": 3}}},
        {"repeats": -1},
        {"repeats": None},
        {"precision": 2.0},
    ],
)
def test_another_form_in_a_record_is_a_value_error(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be|must hold"):
        Comparison.recorded({"proxy": {**JSON, **change}})


def test_what_is_no_object_is_a_value_error_too() -> None:
    with pytest.raises(ValueError, match="must hold fidelities"):
        Comparison.recorded({"proxy": 3})


@pytest.mark.parametrize(("networks", "repeats"), [(20, 4), (20, 20), (7, 2), (5, 0), (10, 3)])
def test_networks_that_are_trained_twice_are_as_many_as_asked_for_and_spread(
    networks: int, repeats: int
) -> None:
    places = [
        i for i in range(networks) if PROXY in Comparison({FULL: LONG}, repeats).wanted(i, networks)
    ]
    assert len(places) == repeats
    assert places == [i * networks // repeats for i in range(repeats)]


def test_more_networks_are_repeated_in_the_same_share() -> None:
    few = Comparison({FULL: LONG}, 2)
    more = few.extended(10, 20)
    assert more.repeats == 4
    places = [i for i in range(20) if PROXY in more.wanted(i, 20)]
    assert places == [0, 5, 10, 15]
    assert places[:2] == [i for i in range(10) if PROXY in few.wanted(i, 10)]


def test_the_plan_counts_all_trainings_by_their_work() -> None:
    """Ten networks in full and tried, and two of them again by the proxy and in full."""
    settings = {"proxy": JSON, "budget": 10, **asdict(SHORT)}
    plan = Plan.recorded(settings, 1000)
    assert (plan.candidates, plan.confirmations) == (10, 24)
    assert plan.confirms_at_once
    full, tried = 5 * 4 / 0.5, (24 / 32) ** 2
    assert plan.longest_factor == pytest.approx(full)
    assert plan.confirmation_factor == pytest.approx((10 * (full + tried) + 2 * (1 + full)) / 24)
