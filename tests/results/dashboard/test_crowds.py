"""All learning curves and all rewards in charts: hover, click, keys, filters, and what runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from results.candidate import Candidate, CurvePoint, State
from results.ranking import reward
from reward.objective import Objective
from search_space.spaces import small
from tests.results.dashboard.conftest import Visit
from tests.results.dashboard.made_run import add, made_candidate, make_run

Serve = Callable[..., str]
Begin = Callable[..., Visit]
CURVES = "#learning-curves"
HISTORY = "#best-so-far"
EPOCHS = 4


def _made(number: int, accuracy: float, **changes: Any) -> Candidate:
    """Return a candidate with a curve far from those of others."""
    first = made_candidate(small(), 0)
    points = [accuracy * (1 - 0.5**epoch) for epoch in range(1, EPOCHS + 1)]
    curve = tuple(CurvePoint(i, 1.0, value, 2.0 * i) for i, value in enumerate(points, 1))
    finished_at = (first.finished_at or 0.0) + 10 * number
    made = replace(first, number=number, curve=curve, accuracy=curve[-1].accuracy)
    return replace(made, finished_at=finished_at, **changes)


def _failed(number: int, accuracy: float, cause: str) -> Candidate:
    return replace(_made(number, accuracy, state=State.FAILED, cause=cause), accuracy=None)


CANDIDATES = [
    _made(0, 0.9),
    _made(1, 0.7),
    _made(2, 0.5, state=State.STOPPED, cause="asha"),
    _failed(3, 0.3, "diverged"),
    replace(_failed(4, 0.1, "error"), curve=()),
]


@pytest.fixture
def page(tmp_path: Path, serve: Serve, visit: Begin) -> Page:
    """Open the progress of a run with five candidates, four of which have a curve."""
    with make_run(tmp_path, 0) as record:
        add(record, CANDIDATES)
    page = visit().open(serve(tmp_path))
    page.locator("[data-view=progress]").click()
    expect(page.locator(f"{CURVES} canvas")).to_be_visible()
    return page


@pytest.mark.parametrize(("number", "role"), [(1, ""), (2, ", stopped: asha"), (3, ", failed")])
def test_a_curve_says_whose_it_is_and_its_accuracy_there(
    page: Page, number: int, role: str
) -> None:
    _hover(page, CURVES, number, 2)
    tip = page.locator(f"{CURVES} .chart-tip")
    expect(tip).to_contain_text(f"candidate {number}{role}")
    accuracy = round(CANDIDATES[number].curve[2].accuracy, 4)
    expect(tip).to_contain_text(f"epoch 3: {100 * accuracy:.2f} %")


def test_curves_are_told_apart_by_more_than_their_colour(page: Page) -> None:
    legend = page.locator(f"{CURVES} .chart-legend")
    expect(legend).to_have_text("completefailedstoppedwinner")
    dashes = legend.locator("path:not(.ending)").evaluate_all(
        "(paths) => paths.map((path) => path.getAttribute('stroke-dasharray'))"
    )
    assert len(set(dashes)) == 3  # of complete and winner none
    expect(legend.locator("path.ending")).to_have_count(2)


def test_a_click_on_a_curve_opens_the_candidate(page: Page) -> None:
    _hover(page, CURVES, 2, 1)
    page.mouse.down()
    page.mouse.up()
    expect(page.locator("#candidate h2")).to_have_text("Candidate 2")
    expect(page.locator(f"{CURVES} .chart-legend")).to_contain_text("selected")


def test_the_keyboard_goes_along_curves_and_from_curve_to_curve(page: Page) -> None:
    place, tip = page.locator(CURVES), page.locator(f"{CURVES} .chart-tip")
    place.press("Home")
    expect(tip).to_contain_text("candidate 0, the winner")
    expect(tip).to_contain_text(f"epoch {EPOCHS}")
    place.press("ArrowLeft")
    expect(tip).to_contain_text(f"epoch {EPOCHS - 1}")
    place.press("ArrowDown")
    expect(tip).to_contain_text("candidate 1")
    expect(page.locator("#said")).to_contain_text("candidate 1")
    place.press("Enter")
    expect(page.locator("#candidate h2")).to_have_text("Candidate 1")


@pytest.mark.parametrize("chart", [CURVES, HISTORY])
def test_what_a_filter_leaves_out_cannot_be_pointed_at(page: Page, chart: str) -> None:
    before = _numbers(page, chart)
    page.locator("#search").fill("-1")
    expect(page.locator("#shown")).to_contain_text("4 of 5 shown")
    assert _numbers(page, chart) == before - {1}


def test_every_reward_is_a_point_and_the_best_so_far_a_line(page: Page) -> None:
    assert _numbers(page, HISTORY) == {0, 1}
    expect(page.locator(f"{HISTORY} path.line").last).to_be_attached()
    _hover(page, HISTORY, 1, 0)
    tip = page.locator(f"{HISTORY} .chart-tip")
    expect(tip).to_contain_text("candidate 1")
    expect(tip).to_contain_text(f"reward {reward(CANDIDATES[1], Objective()):.4f}")
    page.mouse.down()
    page.mouse.up()
    expect(page.locator("#candidate h2")).to_have_text("Candidate 1")


def test_the_history_is_over_candidates_or_time(page: Page) -> None:
    def distance() -> float:
        places = {spot["number"]: spot["x"] for spot in _spots(page, HISTORY)}
        return float(places[1] - places[0])

    over_candidates = distance()
    page.locator("#over").select_option("time")
    expect(page.locator(f"{HISTORY} svg text").nth(-2)).to_have_text("hours since the run began")
    assert distance() != over_candidates


def _spots(page: Page, chart: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.locator(chart).evaluate(
        """async (place) => {
            const { spotsIn } = await import("/page/chart-pointing.js");
            return spotsIn(place).map(({ row, at, x, y }) => ({ number: row.number, at, x, y }));
        }"""
    )
    return found


def _numbers(page: Page, chart: str) -> set[int]:
    return {spot["number"] for spot in _spots(page, chart)}


def _hover(page: Page, chart: str, number: int, at: int) -> None:
    """Point at a candidate's value."""
    sheet: Locator = page.locator(f"{chart} canvas + svg")
    sheet.scroll_into_view_if_needed()
    spots = _spots(page, chart)
    spot = next(spot for spot in spots if (spot["number"], spot["at"]) == (number, at))
    box = sheet.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + spot["x"], box["y"] + spot["y"])
