"""What the rewards of a run rest on."""

from __future__ import annotations

from typing import Any

import pytest

from results.basis import basis
from search_space.spaces import small
from tests.results.dashboard.made_run import settings


def test_it_tells_data_training_and_backbone() -> None:
    found = basis({**settings(small()), "data": "/some/where/photos"}, small())
    assert {name: entry["text"] for name, entry in found.items()} == {
        "data": "photos",
        "metric": "accuracy",
        "backbone": small().backbone.architecture_id[:8],
        "image size": "32",
        "epochs": str(settings(small())["epochs"]),
        "batch size": "128",
        "data share": "1.0",
        "recipe": "proxy",
        "recipe options": "none",
        "compiled": "False",
    }
    assert found["data"]["key"] == "0" * 16


@pytest.mark.parametrize(
    "change", [{"sampler": "model"}, {"seed": 3}, {"budget": 7}, {"data": "/moved/digits"}]
)
def test_what_does_not_change_rewards_does_not_count(change: dict[str, Any]) -> None:
    one, other = (basis({**settings(small()), **more}, small()) for more in ({}, change))
    assert {n: e["key"] for n, e in one.items()} == {n: e["key"] for n, e in other.items()}


def test_a_setting_that_an_early_release_lacks_is_its_default() -> None:
    early = settings(small())
    today = {**early, "data_share": 1.0, "recipe": "proxy", "recipe_options": {}}
    assert basis(early, small()) == basis(today, small())


def test_the_devices_count_once_they_are_known() -> None:
    assert "device" not in basis(settings(small()), small(), [None])
    found = basis(settings(small()), small(), ["H200", None, "EPYC", "H200"])
    assert found["device"]["text"] == "EPYC and H200"


def test_damaged_settings_have_a_basis_too() -> None:
    assert basis({"epochs": [1], "recipe_options": {"flip": True}}, None)["epochs"]["text"] == "[1]"
