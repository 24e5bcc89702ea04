"""No script from a stranger's run directory may run in the page."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from results.candidate import State
from results.dashboard.report import write_report
from results.dashboard.source import Source
from search_space.spaces import small
from tests.results.dashboard.conftest import Visit, place
from tests.results.dashboard.made_run import add, made_candidate, make_run, settings

Serve = Callable[..., str]
Begin = Callable[..., Visit]
ATTACKS = (
    "<script>window.hit = 1</script>",
    "</script><script>window.hit = 2</script>",
    "<img src=x onerror='window.hit = 3'>",
    '<a href="javascript:window.hit = 4">x</a>',
    "<!--<script>",
    "\" onmouseover='window.hit = 5'",
)
ATTACK = "".join(ATTACKS)


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Make a run with the attacks in each of its texts."""
    run = tmp_path / "<b>hostile</b>"
    space = replace(small(), name=ATTACK)
    with make_run(run, 30, space) as record:
        changes = {"data": ATTACK, "sampler": ATTACK, ATTACK: [ATTACK, {ATTACK: ATTACK}]}
        record.change_settings({**settings(space), **changes})
        complete = replace(
            made_candidate(space, 0),
            number=30,
            detail=ATTACK,
            worker=ATTACK,
            versions={ATTACK: ATTACK},
            proposal={ATTACK: ATTACK},
            phases_s={ATTACK: 1.0},
            accuracy=0.999,
        )
        assert complete.step_time is not None
        timed = replace(complete.step_time, device=ATTACK, unsteady=ATTACK)
        failed = replace(complete, number=31, state=State.FAILED, cause=ATTACK)
        add(record, [replace(complete, step_time=timed), failed])
    return run


@pytest.fixture(params=["server", "report"])
def page(
    request: pytest.FixtureRequest, hostile: Path, tmp_path: Path, serve: Serve, visit: Begin
) -> Page:
    """Open the page at the hostile candidate, from the server and as a report."""
    bench = {"name": ATTACK, "device": ATTACK, **dict.fromkeys(NUMBERS, 1)}
    if request.param == "server":
        address = serve(hostile, benches=[bench])
    else:
        source = Source(hostile, lambda: place(hostile))
        address = write_report(tmp_path / "report.html", [source], [bench]).as_uri()
    return visit().open(f"{address}#selected=0:30%200:31")


NUMBERS = (
    "accuracy",
    "parameters",
    "multiply_adds",
    "step_time_s",
    "images_per_s",
    "inference_time_s",
    "peak_memory_bytes",
    "batch_size",
    "image_size",
)


def test_no_script_of_a_run_is_executed(page: Page) -> None:
    expect(page.locator("#candidate")).to_contain_text(ATTACKS[0])
    for view in ("table", "parallel", "matters", "progress", "plot"):
        page.locator(f"[data-view={view}]").click()
        expect(page.locator(f"#view-{view}")).to_be_visible()
    for element in page.locator("#axis-x, #axis-y, #colour").all():
        for option in element.locator("option").all():
            element.select_option(option.get_attribute("value"))
    page.locator("#plot-frame").focus()
    page.keyboard.press("Home")
    assert page.evaluate("window.hit") is None
    assert page.locator("img, a[href^='javascript'], [onerror], [onmouseover]").count() == 0


def test_values_of_wrong_types_do_no_harm(tmp_path: Path, serve: Serve, visit: Begin) -> None:
    run = tmp_path / "run"
    make_run(run, 10).close()
    with sqlite3.connect(run / "record.sqlite") as connection:
        connection.execute("UPDATE candidates SET checksum = NULL")  # others could compute it too
        connection.execute("UPDATE candidates SET accuracy = ? WHERE number = 1", [ATTACK])
        connection.execute("UPDATE candidates SET parameters = 9e999 WHERE number = 2")
        connection.execute("UPDATE candidates SET samples_s = '[1, null]' WHERE number = 3")
        connection.execute("UPDATE candidates SET architecture = '[]' WHERE number = 4")
        connection.execute("UPDATE runs SET created_at = ?", [ATTACK])
        values = json.dumps({**settings(small()), "budget": ATTACK, "image_size": [ATTACK]})
        connection.execute("UPDATE runs SET settings = ?, checksum = NULL", [values])
    page = visit().open(serve(run))
    expect(page.locator("body")).to_contain_text("damaged")
    assert page.evaluate("window.hit") is None
