"""A run of ``nas proxy`` on the page: what it says, and the networks in full against the proxy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from nas.run_directory import dashboard_source
from results.candidate import FULL, PROXY, Candidate, State
from results.comparison import Comparison, Fidelity
from results.dashboard.payload import page_data
from results.proxy_report import find_report
from results.proxy_words import answer
from reward.objective import Objective
from search_space.spaces import small
from tests.results.dashboard.conftest import Visit
from tests.results.dashboard.made_run import add, made_candidate, make_run

COMPARISON = Comparison({FULL: Fidelity(50, 32)}, 2)
NETWORKS = 10


def trainings() -> list[Candidate]:
    """Return ten networks by the proxy and in full, the first two of them twice."""
    made = (made_candidate(small(), number) for number in range(100))
    firsts = [c for c in made if c.state is State.COMPLETE and c.accuracy][:NETWORKS]
    found = [replace(first, number=i) for i, first in enumerate(firsts)]
    for i, first in enumerate(list(found)):
        for fidelity in (FULL, *([FULL, PROXY] if i < 2 else [])):
            gain = 0.01 * (len(found) % 3)
            accuracy = min(1.0, (first.accuracy or 0.0) + gain)
            again = replace(first, confirms=i, fidelity=fidelity, accuracy=accuracy)
            found.append(replace(again, number=len(found)))
    return found


@pytest.fixture
def compared(tmp_path: Path) -> Path:
    """A run that compares."""
    with make_run(tmp_path, 0, proxy=COMPARISON.to_json()) as record:
        add(record, trainings())
    return tmp_path


def shown(run: Path) -> dict[str, Any]:
    """Return what the page gets of a run."""
    source = dashboard_source(run)
    source.poll()
    data = page_data([source], [], "live")["runs"][0]
    source.close()
    return dict(data)


def test_the_page_gets_the_report_in_the_place_of_a_verdict(compared: Path) -> None:
    data = shown(compared)
    report = find_report(trainings(), COMPARISON, Objective())
    assert data["verdict"] is None
    assert data["comparison"]["answer"] == answer(report)
    assert data["comparison"]["networks"] == NETWORKS
    assert data["comparison"]["full_deviation"] == report.full_deviation
    assert [point["number"] for point in data["comparison"]["points"]] == list(range(NETWORKS))
    assert len(data["comparison"]["points"][0]["full"]) == 2


def test_a_search_has_none(tmp_path: Path) -> None:
    make_run(tmp_path, 5).close()
    data = shown(tmp_path)
    assert data["comparison"] is None
    assert data["verdict"] is not None


@pytest.mark.parametrize("proxy", [3, {}, {"fidelities": {FULL: {}}, "repeats": 1}])
def test_settings_that_no_run_records_do_no_harm(tmp_path: Path, proxy: object) -> None:
    make_run(tmp_path, 5, proxy=proxy).close()
    data = shown(tmp_path)
    assert data["problem"] is None
    assert data["comparison"] is None


def test_the_networks_are_drawn_below_what_is_said(
    compared: Path, serve: Callable[..., str], visit: Callable[..., Visit]
) -> None:
    page = visit().open(serve(compared))
    report = find_report(trainings(), COMPARISON, Objective())
    expect(page.locator("#comparison p").first).to_have_text(answer(report))
    expect(page.locator("#comparison .point")).to_have_count(NETWORKS)
    label = page.locator(".comparison-plot").get_attribute("aria-label")
    assert label is not None
    assert label.startswith(f"Rewards of {NETWORKS} networks in full against those by the proxy.")
    expect(page.locator("#verdict")).to_be_empty()
