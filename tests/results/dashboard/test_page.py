"""The page in a browser, with data from the server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from results.architecture_file import read
from results.candidate import Candidate
from results.files import table
from results.ranking import best, front, ranked
from results.record import Record
from reward.objective import Objective
from tests.results.dashboard.conftest import CANDIDATES, Visit, place

Serve = Callable[..., str]
Begin = Callable[..., Visit]
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def candidates(made: Path) -> list[Candidate]:
    """Return the candidates of the run that is shown."""
    where = place(made)
    with Record.read(where.url, where.run_id) as record:
        return record.candidates()


@pytest.fixture
def page(made: Path, serve: Serve, visit: Begin) -> Page:
    """Open the page of the run."""
    return visit().open(serve(made))


def test_every_candidate_is_drawn_and_the_winner_is_correct(
    page: Page, candidates: list[Candidate]
) -> None:
    winner = best(candidates, Objective())
    assert winner is not None
    assert page.locator("html").get_attribute("data-drawn") == str(CANDIDATES)
    expect(page.locator("#winner")).to_contain_text(f"candidate {winner.number}")
    expect(page.locator("#legend")).to_contain_text(f"Pareto front {len(front(candidates))}")


@pytest.mark.parametrize(("w", "v"), [(0.0, 0.0), (-0.3, 0.0), (0.0, -0.3), (-0.15, -0.1)])
def test_the_sliders_rank_as_the_objective_does(
    page: Page, candidates: list[Candidate], w: float, v: float
) -> None:
    slide(page, w=w, v=v)
    expected = [str(c.number) for _, c in ranked(candidates, Objective(w, v))[:5]]
    rows = page.locator("#ranking tbody tr button")
    assert [rows.nth(i).inner_text() for i in range(5)] == expected
    expect(page.locator("#winner")).to_contain_text(f"candidate {expected[0]}")


def test_a_click_on_a_point_opens_the_candidate(page: Page, candidates: list[Candidate]) -> None:
    fastest = front(candidates)[0]
    click_at(page, fastest)
    panel = page.locator("#candidate")
    expect(panel).to_contain_text(f"candidate {fastest.number}")
    expect(panel).to_contain_text("MBConv")
    expect(panel).to_contain_text(str(fastest.seed))
    expect(panel).to_contain_text(fastest.architecture.architecture_id)


def test_the_keyboard_opens_the_winner(page: Page, candidates: list[Candidate]) -> None:
    winner = best(candidates, Objective())
    assert winner is not None
    page.locator("#plot-frame").focus()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.locator("#candidate")).to_contain_text(f"candidate {winner.number}")
    page.keyboard.press("Escape")
    expect(page.locator("#candidate")).to_be_hidden()


def test_two_candidates_stand_side_by_side(page: Page, candidates: list[Candidate]) -> None:
    first, *_, last = front(candidates)
    click_at(page, first)
    expect(page.locator("#candidate")).to_contain_text(f"candidate {first.number}")
    click_at(page, last, modifiers=["Shift"])
    for candidate in (first, last):
        expect(page.locator("#candidate")).to_contain_text(f"candidate {candidate.number}")
    expect(page.locator("body")).to_have_class("comparing")


def test_the_commands_can_read_the_saved_file(
    page: Page, candidates: list[Candidate], tmp_path: Path
) -> None:
    fastest = front(candidates)[0]
    click_at(page, fastest)
    with page.expect_download() as download:
        page.locator("[data-action=save-json]").click()
    assert download.value.suggested_filename == f"candidate-{fastest.number}.json"
    download.value.save_as(tmp_path / "saved.json")
    file = read(tmp_path / "saved.json")
    assert file.architecture == fastest.architecture
    assert file.parameters == fastest.parameters
    assert file.provenance["candidate"] == fastest.number


def test_the_commands_are_copied(made: Path, serve: Serve, visit: Begin) -> None:
    page = visit(permissions=["clipboard-read", "clipboard-write"]).open(
        f"{serve(made)}#selected=0:0"
    )
    for action, begins in (("copy-scale", "nas scale --from"), ("copy-train", "nas train --arch")):
        page.locator(f"[data-action={action}]").click()
        copied = "navigator.clipboard.readText()"
        page.wait_for_function(f"async (begins) => (await {copied}).startsWith(begins)", arg=begins)
        assert "candidate-0.json" in page.evaluate(copied)


def test_the_table_sorts_filters_and_is_saved(
    page: Page, candidates: list[Candidate], tmp_path: Path
) -> None:
    page.locator("[data-view=table]").click()
    expect(page.locator("#table tbody tr:not(.spacer)").first).to_be_visible()
    with page.expect_download() as download:
        page.locator("[data-action=csv]").click()
    download.value.save_as(tmp_path / "saved.csv")
    lines = (tmp_path / "saved.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 1 + CANDIDATES
    page.locator("#search").fill("diverged")
    diverged = sum(c.cause == "diverged" for c in candidates)
    expect(page.locator("#shown")).to_contain_text(f"{diverged} of {CANDIDATES}")


def test_what_matters_and_progress_are_drawn(page: Page) -> None:
    page.locator("[data-view=matters]").click()
    expect(page.locator("#importances")).to_contain_text("expansion")
    expect(page.locator("#boxes svg").first).to_be_visible()
    page.locator("[data-view=progress]").click()
    expect(page.locator("#best-so-far svg").first).to_be_visible()
    expect(page.locator("#workers")).to_contain_text("node-0")
    expect(page.locator("#settings")).to_contain_text("digits")


def test_the_url_encodes_the_view(made: Path, serve: Serve, visit: Begin) -> None:
    address = serve(made)
    page = visit().open(address)
    slide(page, w=-0.2)
    page.locator("#axis-x").select_option("parameters")
    page.wait_for_function(
        "() => location.hash.includes('w=-0.2') && location.hash.includes('x=param')"
    )
    again = visit().open(page.url)
    assert again.locator("#w").input_value() == "-0.2"
    assert again.locator("#axis-x").input_value() == "parameters"


def test_a_malformed_url_leaves_the_defaults(made: Path, serve: Serve, visit: Begin) -> None:
    page = visit().open(f"{serve(made)}#limit.number=0&population=toString")
    expect(page.locator("#shown")).to_have_text(f"{CANDIDATES} candidates")
    page.locator("[data-view=matters]").click()
    expect(page.locator("#distribution svg").first).to_be_visible()
    assert page.locator("#population").input_value() == "accuracy"


@pytest.mark.parametrize("view", ["plot", "table", "matters", "progress"])
def test_every_view_fits_a_phone(made: Path, serve: Serve, visit: Begin, view: str) -> None:
    page = visit(**PHONE).open(serve(made))
    page.locator(f"[data-view={view}]").click()
    expect(page.locator(f"#view-{view}")).to_be_visible()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["viewport"]["width"]  # type: ignore[index]


def test_dark_is_dark(made: Path, serve: Serve, visit: Begin) -> None:
    page = visit(color_scheme="dark").open(serve(made))
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(int(part) for part in colour.strip("rgb()").split(",")[:3]) < 64


def test_several_runs_are_shown_together(made: Path, serve: Serve, visit: Begin) -> None:
    page = visit().open(serve(made, made))
    assert page.locator("html").get_attribute("data-drawn") == str(2 * CANDIDATES)
    assert page.locator("#runs li").count() == 2


def test_benched_networks_are_marked(made: Path, serve: Serve, visit: Begin) -> None:
    bench = {
        "name": "efficientnet-b0",
        "accuracy": 0.93,
        "parameters": 50_000,
        "multiply_adds": 10**6,
        "step_time_s": 0.1,
        "images_per_s": 1280.0,
        "inference_time_s": None,
        "peak_memory_bytes": 10**8,
        "device": "Intel(R) Xeon(R) Processor, 1 thread",
        "batch_size": 128,
        "image_size": 32,
    }
    page = visit().open(serve(made, benches=[bench]))
    names = page.evaluate("nas.cloud.points().map((point) => point.row.name)")
    assert {"backbone", "efficientnet-b0"} <= set(names)


def slide(page: Page, **exponents: float) -> None:
    """Move sliders, and wait for the page's update after each."""
    for name, value in exponents.items():
        before = page.evaluate("Number(document.documentElement.dataset.answered ?? 0)")
        page.locator(f"#{name}").fill(str(value))
        page.wait_for_function(
            "(before) => Number(document.documentElement.dataset.answered) > before", arg=before
        )


def click_at(page: Page, candidate: Candidate, **options: Any) -> None:
    """Click on a candidate's point in the plot."""
    row = table([candidate]).iloc[0]
    assert candidate.accuracy is not None
    x, y = page.evaluate(
        """([x, y]) => {
            const { xaxis, yaxis } = document.getElementById("pareto")._fullLayout;
            return [xaxis._offset + xaxis.d2p(x), yaxis._offset + yaxis.d2p(y)];
        }""",
        [float(row["normalized_step_time"]), 100 * candidate.accuracy],
    )
    page.locator("#plot-frame").click(position={"x": x, "y": y}, **options)
