"""Parallel coordinates: hover and click, brushes that filter, their address, and the keyboard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from results.candidate import Candidate, State
from results.ranking import winner
from reward.objective import Objective
from search_space.spaces import medium, small
from tests.results.dashboard.conftest import CANDIDATES, Visit
from tests.results.dashboard.made_run import add, made_candidate, make_run

Serve = Callable[..., str]
Begin = Callable[..., Visit]
OPERATOR = "stage2.operator"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def page(made: Path, serve: Serve, visit: Begin) -> Page:
    """Open the parallel coordinates of the run."""
    page = visit().open(serve(made))
    page.locator("[data-view=parallel]").click()
    expect(page.locator("#parallel canvas")).to_be_visible()
    return page


def test_every_candidate_has_a_line_across_all_axes(
    page: Page, candidates: list[Candidate]
) -> None:
    """Also one that was not trained, and one that leaves a stage out."""
    assert any(c.state is State.INFEASIBLE for c in candidates)
    assert any(len(c.architecture.stages) < len(small().backbone.stages) for c in candidates)
    axes = page.locator("#parallel g.axis").count()
    assert axes == len(small().options()) + 4
    spots = _spots(page)
    assert len(spots) == CANDIDATES * axes
    assert {spot["number"] for spot in spots} == {c.number for c in candidates}


def test_a_line_says_whose_it_is_and_a_click_opens_it(
    page: Page, candidates: list[Candidate]
) -> None:
    first = winner(candidates, Objective())
    assert first is not None
    assert first.accuracy is not None
    reward_axis = len(small().options()) + 3
    _hover(page, first.number, reward_axis)
    tip = page.locator("#parallel .chart-tip")
    expect(tip).to_contain_text(f"candidate {first.number}, the winner")
    _hover(page, first.number, reward_axis - 1)
    expect(tip).to_contain_text(f"accuracy (%): {100 * first.accuracy:.2f}")
    page.mouse.down()
    page.mouse.up()
    expect(page.locator("#candidate h2")).to_have_text(f"Candidate {first.number}")


def test_the_keyboard_goes_along_a_line_and_opens_it(
    page: Page, candidates: list[Candidate]
) -> None:
    first = winner(candidates, Objective())
    assert first is not None
    lines, tip = page.locator("#parallel"), page.locator("#parallel .chart-tip")
    lines.press("Home")
    expect(tip).to_contain_text(f"candidate {first.number}, the winner")
    lines.press("ArrowLeft")
    expect(tip).to_contain_text("accuracy (%): ")
    lines.press("Enter")
    expect(page.locator("#candidate h2")).to_have_text(f"Candidate {first.number}")


def test_a_brush_filters_and_changes_neither_winner_nor_ranking(
    page: Page, candidates: list[Candidate]
) -> None:
    first = winner(candidates, Objective())
    assert first is not None
    ranking = page.locator("#ranking").inner_text()
    _drag(page, "accuracy", 0.2, 0.4)
    low, high = page.evaluate("async () => (await import('/page/state.js')).state.limits.accuracy")
    kept = sum(c.accuracy is not None and low <= 100 * c.accuracy <= high for c in candidates)
    assert 0 < kept < CANDIDATES
    expect(page.locator("#shown")).to_have_text(f"{kept} of {CANDIDATES} shown")
    expect(page.locator("#winner h2")).to_have_text(f"Winner: candidate {first.number}")
    assert page.locator("#ranking").inner_text() == ranking
    assert len({spot["number"] for spot in _spots(page)}) == kept
    fields = [page.locator(f"#limits input[aria-label$='at {end}']").first for end in ENDS]
    assert [float(field.input_value()) for field in fields] == [low, high]


ENDS = ("least", "most")


def test_brushes_count_together_and_a_press_or_show_all_clears(
    page: Page, candidates: list[Candidate]
) -> None:
    fused = [c for c in candidates if c.architecture.stages[1].operator == "fused_mbconv"]
    both = [c for c in fused if c.architecture.stages[1].kernel == 5]
    _press(page, OPERATOR, 0.9)
    expect(page.locator("#shown")).to_have_text(f"{len(fused)} of {CANDIDATES} shown")
    _press(page, "stage2.kernel", 0.9)
    expect(page.locator("#shown")).to_have_text(f"{len(both)} of {CANDIDATES} shown")
    expect(page.locator("#limits")).to_contain_text("stage2 operator: fused_mbconv")
    expect(page.locator("#parallel .brushes rect")).to_have_count(2)
    _press(page, "stage2.kernel", 0.9)
    expect(page.locator("#shown")).to_have_text(f"{len(fused)} of {CANDIDATES} shown")
    page.locator("#clear").click()
    expect(page.locator("#shown")).to_have_text(f"{CANDIDATES} candidates")
    expect(page.locator("#parallel .brushes rect")).to_have_count(0)
    expect(page.locator("#candidate")).to_be_hidden()  # a press on an axis opens nothing


def test_the_address_brings_the_brushes_back(page: Page, visit: Begin) -> None:
    _press(page, OPERATOR, 0.9)
    _drag(page, "reward", 0.3, 0.8)
    page.wait_for_function("() => location.hash.includes('limit.reward')")
    shown = page.locator("#shown").inner_text()
    again = visit().page
    again.goto(page.url)
    expect(again.locator("#parallel .brushes rect")).to_have_count(2)
    expect(again.locator("#shown")).to_have_text(shown)


def test_each_axis_is_limited_by_keyboard(page: Page, candidates: list[Candidate]) -> None:
    fused = [c for c in candidates if c.architecture.stages[1].operator == "fused_mbconv"]
    first = page.get_by_role("slider", name="stage 1 operator, at least")
    first.focus()
    for _ in range(4):  # choices of stage 1: operator, layers, kernel, expansion
        page.keyboard.press("ArrowRight")
    low = page.get_by_role("slider", name="stage 2 operator, at least")
    expect(low).to_be_focused()
    expect(low).to_have_attribute("aria-valuetext", "no limit")
    page.keyboard.press("ArrowUp")
    expect(low).to_have_attribute("aria-valuetext", "fused_mbconv")
    expect(page.locator("#shown")).to_have_text(f"{len(fused)} of {CANDIDATES} shown")
    expect(low).to_be_focused()
    page.keyboard.press("Delete")
    expect(page.locator("#shown")).to_have_text(f"{CANDIDATES} candidates")
    names = page.locator("#parallel-handles [role=slider]").evaluate_all(
        "(nodes) => nodes.map((node) => node.getAttribute('aria-label'))"
    )
    assert len(set(names)) == len(names) == 2 * (len(small().options()) + 4)


def test_a_handle_moves_one_end(page: Page) -> None:
    handle = page.get_by_role("slider", name="reward, at least")
    box, frame = handle.bounding_box(), page.locator("#parallel").bounding_box()
    assert box is not None
    assert frame is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] - 0.5 * frame["height"], steps=4)
    page.mouse.up()
    limits = page.evaluate("async () => (await import('/page/state.js')).state.limits.reward")
    assert limits[0] is not None
    assert limits[1] is None
    expect(page.locator("#shown")).to_contain_text("shown")


def test_runs_of_other_spaces_and_candidates_outside_do_no_harm(
    tmp_path: Path, serve: Serve, visit: Begin
) -> None:
    with make_run(tmp_path / "small", 20) as record:
        outside = replace(made_candidate(medium(), 1), number=20)
        add(record, [outside])
    make_run(tmp_path / "medium", 20, medium(), run_id="other").close()
    page = visit().open(serve(tmp_path / "small", tmp_path / "medium"))
    page.locator("[data-view=parallel]").click()
    expect(page.locator("#parallel canvas")).to_be_visible()
    axes = page.locator("#parallel g.axis").count()
    assert axes == len(small().options() | medium().options()) + 4
    assert len(_spots(page)) == 41 * axes


def test_one_stage_alone_is_shown_and_in_the_address(page: Page, visit: Begin) -> None:
    page.locator("#stage").select_option("stage 2")
    of_stage = [name for name in small().options() if name.startswith("stage2.")]
    axes = page.locator("#parallel g.axis")
    expect(axes).to_have_count(len(of_stage) + 4)
    page.wait_for_function("() => location.hash.includes('stage=stage+2')")
    again = visit().page
    again.goto(page.url)
    expect(again.locator("#parallel g.axis")).to_have_count(len(of_stage) + 4)
    again.get_by_role("slider", name="stage 2 operator, at least").press("ArrowUp")
    expect(again.locator("#shown")).to_contain_text("shown")


def test_a_run_without_candidates_has_axes(tmp_path: Path, serve: Serve, visit: Begin) -> None:
    make_run(tmp_path, 0).close()
    page = visit().open(serve(tmp_path))
    page.locator("[data-view=parallel]").click()
    expect(page.locator("#parallel g.axis")).to_have_count(len(small().options()) + 4)


def test_on_a_phone_the_axes_scroll_and_a_tap_filters(
    made: Path, candidates: list[Candidate], serve: Serve, visit: Begin
) -> None:
    page = visit(**PHONE).open(serve(made))
    page.locator("[data-view=parallel]").click()
    frame = page.locator("#parallel-frame")
    inside, outside = frame.evaluate("(node) => [node.scrollWidth, node.clientWidth]")
    assert inside > 2 * outside
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    gaps = page.evaluate(_AXES)
    assert min(b["x"] - a["x"] for a, b in pairwise(gaps)) >= 44
    axis = next(axis for axis in gaps if axis["id"] == "stage1.operator")
    box = page.locator("#parallel").bounding_box()
    assert box is not None
    page.touchscreen.tap(box["x"] + axis["x"], box["y"] + axis["top"] + 0.1 * axis["height"])
    fused = sum(c.architecture.stages[0].operator == "fused_mbconv" for c in candidates)
    expect(page.locator("#shown")).to_have_text(f"{fused} of {CANDIDATES} shown")


_AXES = """async () => {
    const { axesShown } = await import("/page/brush.js");
    const { own, frame } = axesShown();
    const { top, height, xs } = frame;
    return own.map(({ id }, at) => ({ id, x: xs[at], top, height }));
}"""


def _at(page: Page, axis_id: str, share: float) -> tuple[float, float]:
    """Return the place of a share of an axis, from 0 below to 1 above."""
    axis = next(axis for axis in page.evaluate(_AXES) if axis["id"] == axis_id)
    box = page.locator("#parallel").bounding_box()
    assert box is not None
    return box["x"] + axis["x"], box["y"] + axis["top"] + (1 - share) * axis["height"]


def _press(page: Page, axis_id: str, share: float) -> None:
    page.mouse.move(*_at(page, axis_id, share))
    page.mouse.down()
    page.mouse.up()


def _drag(page: Page, axis_id: str, low: float, high: float) -> None:
    page.mouse.move(*_at(page, axis_id, low))
    page.mouse.down()
    page.mouse.move(*_at(page, axis_id, high), steps=4)
    page.mouse.up()
    expect(page.locator("#shown")).to_contain_text("shown")


def _spots(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.locator("#parallel").evaluate(
        """async (place) => {
            const { spotsIn } = await import("/page/chart-pointing.js");
            return spotsIn(place).map(({ row, at, x, y }) => ({ number: row.number, at, x, y }));
        }"""
    )
    return found


def _hover(page: Page, number: int, at: int) -> None:
    """Point at a candidate's value on an axis."""
    lines: Locator = page.locator("#parallel")
    spots = _spots(page)
    spot = next(spot for spot in spots if (spot["number"], spot["at"]) == (number, at))
    box = lines.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + spot["x"], box["y"] + spot["y"])
