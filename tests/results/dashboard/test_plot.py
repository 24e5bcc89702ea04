"""The plot and the charts, which the page draws: axes, zooming, tips, and what filters fade."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from results.candidate import Candidate, State
from results.ranking import front
from search_space.spaces import small
from tests.results.dashboard.conftest import CANDIDATES, Visit
from tests.results.dashboard.made_run import add, made_candidate, make_run

Serve = Callable[..., str]
Begin = Callable[..., Visit]


@pytest.fixture
def page(made: Path, serve: Serve, visit: Begin) -> Page:
    """Open the page of the run."""
    return visit().open(serve(made))


def test_a_box_is_zoomed_to_and_two_clicks_show_everything(page: Page) -> None:
    before = _frame(page)
    shares = ((0.25, 0.25), (0.5, 0.75))
    _drag(page, *(_at(before, *share) for share in shares))
    after = _settled(page, before)
    assert after["x"] == pytest.approx(_between(before["x"], 0.25, 0.5), rel=0.02)
    assert after["y"] == pytest.approx(_between(before["y"], 0.25, 0.75), rel=0.02)
    corner = _at(before, 0.98, 0.98)
    page.locator("#plot-frame").dblclick(position={"x": corner[0], "y": corner[1]})
    assert _settled(page, after)["x"] == before["x"]


def test_a_flat_box_zooms_one_axis(page: Page) -> None:
    before = _frame(page)
    (x0, y0), (x1, _) = _at(before, 0.2, 0.5), _at(before, 0.6, 0.5)
    _drag(page, (x0, y0), (x1, y0 + 4))
    after = _settled(page, before)
    assert after["x"] == pytest.approx(_between(before["x"], 0.2, 0.6), rel=0.02)
    assert after["y"] == pytest.approx(before["y"])


def test_an_axis_is_moved_by_dragging_it(page: Page) -> None:
    before = _frame(page)
    below = before["top"] + before["height"] + before["strip"] + 12
    start = before["left"] + before["width"] / 2
    _drag(page, (start, below), (start - before["width"] / 4, below))
    after = _settled(page, before)
    assert after["x"] == pytest.approx(_between(before["x"], 0.25, 1.25), rel=0.02)
    assert after["y"] == before["y"]


def test_ticks_stand_where_their_values_are(page: Page) -> None:
    """On a logarithmic axis a decade takes as much room everywhere."""
    page.locator("#axis-x").select_option("parameters")
    page.locator("#is-log").check()
    gaps = page.evaluate(
        """async () => {
            const { toX } = (await import("/page/plot.js")).axesFrame();
            return [toX(1e4) - toX(1e3), toX(1e5) - toX(1e4)];
        }"""
    )
    assert gaps[0] == pytest.approx(gaps[1])
    assert gaps[0] > 0


def test_a_filter_fades_and_changes_neither_front_nor_axes(
    page: Page, candidates: list[Candidate]
) -> None:
    before = _frame(page)
    fused = [c for c in candidates if c.architecture.stages[1].operator == "fused_mbconv"]
    assert 0 < len(fused) < CANDIDATES
    page.locator("#search").fill("stage2=fused")
    expect(page.locator("#shown")).to_contain_text(f"{len(fused)} of {CANDIDATES} shown")
    expect(page.locator("#legend")).to_contain_text(f"Pareto front {len(front(candidates))}")
    drawn, pointable = page.evaluate(
        """async () => {
            const { all, pointable } = await import("/page/cloud.js");
            return [all, pointable].map((some) => some().filter(({ row }) => row.key).length);
        }"""
    )
    assert (drawn, pointable) == (CANDIDATES, len(fused))
    assert _frame(page)["x"] == before["x"]
    page.locator("#search").fill("state:failed")
    failed = sum(candidate.state is State.FAILED for candidate in candidates)
    expect(page.locator("#shown")).to_contain_text(f"{failed} of {CANDIDATES} shown")


def test_the_plot_is_saved_as_a_picture(page: Page, tmp_path: Path) -> None:
    box = page.locator("#cloud").bounding_box()
    assert box is not None
    with page.expect_download() as download:
        page.locator("#save-picture").click()
    download.value.save_as(tmp_path / "plot.png")
    picture = (tmp_path / "plot.png").read_bytes()
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", picture[16:24])
    assert (width, height) == pytest.approx((2 * box["width"], 2 * box["height"]), abs=1)


def test_a_chart_says_what_is_under_the_mouse(made: Path, serve: Serve, visit: Begin) -> None:
    page = visit().open(f"{serve(made)}#selected=0:0")
    chart = page.locator("[aria-label='Learning curve']")
    chart.locator(".point").nth(2).hover()
    curve = made_candidate(small(), 0).curve
    accuracy = f"epoch 3: {100 * curve[2].accuracy:.2f} %"
    expect(chart.locator(".chart-tip")).to_contain_text(accuracy)
    expect(chart.locator("svg text").last).to_have_text("minival accuracy (%)")


def test_a_chart_has_a_legend_and_an_axis_of_names(page: Page) -> None:
    page.locator("[data-view=matters]").click()
    chart = page.locator("#box-operator-accuracy")
    expect(chart.locator(".chart-legend")).to_have_text("fused_mbconvmbconv")
    expect(chart.locator("svg text", has_text="stage")).to_have_count(4)
    expect(chart.locator("rect.box")).to_have_count(2 * 4 + 2)  # and two in the legend


def test_what_is_not_measured_yet_has_no_axes(tmp_path: Path, serve: Serve, visit: Begin) -> None:
    with make_run(tmp_path, 0) as record:
        running = replace(
            made_candidate(small(), 0), state=State.RUNNING, accuracy=None, curve=(), step_time=None
        )
        add(record, [running])
    page = visit().open(serve(tmp_path))
    expect(page.locator("#empty")).to_have_text("No candidate with a S/S0 yet")
    expect(page.locator("#cloud")).to_be_hidden()


def _frame(page: Page) -> dict[str, Any]:
    """Return where the axes are, in pixels, and what they show."""
    frame: dict[str, Any] = page.evaluate(
        """async () => {
            const { left, top, width, height, strip, ranges } =
                (await import("/page/plot.js")).axesFrame();
            return { left, top, width, height: height - strip, strip, ...ranges };
        }"""
    )
    return frame


def _settled(page: Page, before: dict[str, Any]) -> dict[str, Any]:
    """Wait until the axes show something else, and return what."""
    page.wait_for_function(
        """async (before) => {
            const { ranges } = (await import("/page/plot.js")).axesFrame();
            return JSON.stringify([ranges.x, ranges.y]) !== before;
        }""",
        arg=page.evaluate("([x, y]) => JSON.stringify([x, y])", [before["x"], before["y"]]),
    )
    return _frame(page)


def _at(frame: dict[str, Any], across: float, up: float) -> tuple[float, float]:
    """Return a place in the plot by its shares of the axes."""
    x = frame["left"] + across * frame["width"]
    return x, frame["top"] + (1 - up) * frame["height"]


def _between(ends: list[float], low: float, high: float) -> list[float]:
    return [ends[0] + share * (ends[1] - ends[0]) for share in (low, high)]


def _drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    box = page.locator("#plot-frame").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + start[0], box["y"] + start[1])
    page.mouse.down()
    page.mouse.move(box["x"] + end[0], box["y"] + end[1], steps=4)
    page.mouse.up()
