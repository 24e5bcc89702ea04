"""The page follows a search while it is open."""

from __future__ import annotations

import itertools
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Page, expect

from nas.run_directory import open_run
from results.candidate import BACKBONE, EVALUATED, Candidate, State
from results.ranking import ranked, winner
from results.running import RunningFile
from reward.objective import Objective
from search_space.spaces import small
from tests.results.dashboard.conftest import Visit
from tests.results.dashboard.made_run import add, made_candidate, make_run
from tests.results.dashboard.test_page import slide

Serve = Callable[..., str]
Begin = Callable[..., Visit]
BEFORE = 20


def test_a_completed_candidate_appears_and_no_setting_is_lost(
    tmp_path: Path, serve: Serve, visit: Begin
) -> None:
    with make_run(tmp_path, BEFORE) as record:
        page = visit().open(f"{serve(tmp_path)}#selected=0:0&zoom=0.2 0.9 80 95")
        slide(page, w=-0.2)
        expect(page.locator("#candidate")).to_contain_text("candidate 0")
        before = _axes(page)
        new = _complete(BEFORE)
        record.start(replace(new, state=State.RUNNING, accuracy=None, curve=(), step_time=None))
        record.finish(replace(new, accuracy=1.0))
        expect(page.locator("#shown")).to_contain_text(f"{BEFORE + 1} candidates")
        assert _axes(page) == before
        assert page.locator("#w").input_value() == "-0.2"
        expect(page.locator("#candidate")).to_contain_text("candidate 0")
        assert "selected=0" in page.url


def test_before_a_forecast_the_head_has_the_time_that_is_left_at_most(
    tmp_path: Path, serve: Serve, visit: Begin
) -> None:
    make_run(tmp_path, 0, budget=None, until=time.time() + 3630).close()
    with open_run(tmp_path).lock():
        page = visit().open(serve(tmp_path))
        expect(page.locator("#runs")).to_contain_text("at most 60 min left")


def test_the_forecast_of_a_search_is_shown(tmp_path: Path, serve: Serve, visit: Begin) -> None:
    """Of an hour, 10 minutes are over; what took 10 minutes for 10 candidates goes on."""
    begun_at = time.time() - 600
    with make_run(tmp_path, 0, budget=None, until=begun_at + 3600, price=6.0) as record:
        times = [begun_at + 60.0 * i for i in range(11)]
        made = replace(_complete(0), started_at=0.0)
        add(
            record,
            (
                replace(made, number=i, started_at=start, finished_at=end)
                for i, (start, end) in enumerate(itertools.pairwise(times))
            ),
        )
        with open_run(tmp_path).lock():
            page = visit().open(serve(tmp_path))
            chip = page.locator("#runs")
            expect(chip).to_contain_text("10 of about 60 · 50 min left · cost 6.00")
            page.locator("[data-view=progress]").click()
            forecasts = page.locator("#forecasts")
            expect(forecasts).to_contain_text("about 60, by time")
            expect(forecasts).to_contain_text("6.00, so far 1.00")
            ends_at = time.localtime(begun_at + 3600)
            expect(page.locator("#settings")).to_contain_text(time.strftime("%Y, %H:%M", ends_at))
        expect(chip).to_contain_text("10 candidates · not running")
        expect(forecasts).to_be_empty()


def test_what_runs_is_shown_with_its_curve_so_far(
    tmp_path: Path, serve: Serve, visit: Begin
) -> None:
    begun = _complete(BEFORE)
    running = replace(begun, state=State.RUNNING, accuracy=None, curve=())
    with make_run(tmp_path, BEFORE) as record, open_run(tmp_path).lock():
        record.start(running)
        file = RunningFile(tmp_path, lambda _: 10)
        file(replace(running, curve=begun.curve[:1]))
        page = visit().open(serve(tmp_path))
        page.locator("[data-view=progress]").click()
        now = page.locator("#running")
        expect(now).to_contain_text("1 of 10")
        expect(page.locator("#learning-curves .chart-legend")).to_contain_text("running")
        assert _curve_lengths(page)[BEFORE] == 1
        page.locator("#running button").click()
        file(replace(running, curve=begun.curve[:3]))
        expect(now).to_contain_text("3 of 10")
        expect(now).to_contain_text(f"{100 * begun.curve[2].accuracy:.2f} %")
        expect(page.locator("#candidate [aria-label='Learning curve'] .point")).to_have_count(3)
        assert _curve_lengths(page)[BEFORE] == 3
        record.finish(begun)
        file(begun)
        expect(now).to_be_empty()
        expect(page.locator("#learning-curves .chart-legend")).not_to_contain_text("running")
        assert _curve_lengths(page)[BEFORE] == len(begun.curve)


def test_a_failure_says_its_cause_and_where_it_was_raised(
    tmp_path: Path, serve: Serve, visit: Begin
) -> None:
    failed = replace(
        _complete(0), number=0, state=State.FAILED, cause="error", detail="no such size"
    )
    with make_run(tmp_path, 0) as record:
        add(record, [replace(failed, trace="nn/conv.py:454 in forward: x\nValueError: no")])
    page = visit().open(f"{serve(tmp_path)}#selected=0:0")
    panel = page.locator("#candidate")
    expect(panel).to_contain_text("An error was raised while it was built, timed, or trained.")
    panel.locator("summary").click()
    expect(panel.locator(".trace")).to_have_text("nn/conv.py:454 in forward: x\nValueError: no")


def test_a_run_that_begins_later_appears(tmp_path: Path, serve: Serve, visit: Begin) -> None:
    run = tmp_path / "later"
    run.mkdir()
    page = visit().open(serve(run))
    expect(page.locator("#problems")).to_contain_text("must be a run's directory")
    with make_run(run, BEFORE):
        _wait_for(page, BEFORE)
        expect(page.locator("#problems")).not_to_contain_text("directory")


def test_a_new_run_in_the_same_directory_replaces_the_old_one(
    tmp_path: Path, serve: Serve, visit: Begin
) -> None:
    run = tmp_path / "run"
    make_run(run, BEFORE).close()
    page = visit().open(serve(run))
    run.rename(tmp_path / "old")
    with make_run(run, 5, seed=1, run_id="again") as record:
        _wait_for(page, 5)
        add(record, [made_candidate(small(), 5, seed=1)])
        _wait_for(page, 6)


def test_a_confirmed_candidate_wins_but_the_training_is_not_ranked_by_itself(
    tmp_path: Path, serve: Serve, visit: Begin
) -> None:
    with make_run(tmp_path, BEFORE) as record:
        page = visit().open(serve(tmp_path))
        expect(page.locator("#winner h2")).to_be_visible()
        ranking = page.locator("#ranking").inner_text()
        confirmed = ranked(record.candidates(), Objective())[3][1]
        again = replace(confirmed, number=BEFORE, confirms=confirmed.number, seed=1)
        add(record, [again])
        expect(page.locator("#winner h2")).to_have_text(f"Winner: candidate {confirmed.number}")
        leads = re.compile(rf"Candidate {confirmed.number} (wins|leads)")
        expect(page.locator("#verdict")).to_contain_text(leads)
        expect(page.locator("#winner")).to_contain_text("mean of its trainings")
        expect(page.locator("#w-band")).to_be_hidden()
        assert winner(record.candidates(), Objective()) == confirmed
        assert page.locator("#ranking").inner_text() == ranking
        slide(page, w=-0.075)
        best = ranked(record.candidates(), Objective(-0.075))[0][1]
        expect(page.locator("#winner h2")).to_have_text(f"Winner: candidate {best.number}")
        said = f"By the mean of all trainings, no.\u00a0{confirmed.number} wins."
        expect(page.locator("#winner")).to_contain_text(said)
        states = [candidate.state for candidate in record.candidates()[:BEFORE]]
        evaluated = sum(state in EVALUATED for state in states)
        expect(page.locator("#runs")).to_contain_text(f"{evaluated} of 2,000")


def test_a_training_of_the_backbone_is_labelled_and_not_ranked(
    tmp_path: Path, serve: Serve, visit: Begin
) -> None:
    with make_run(tmp_path, BEFORE) as record:
        page = visit().open(f"{serve(tmp_path)}#selected=0:{BEFORE}")
        ranking = page.locator("#ranking").inner_text()
        add(record, [replace(_complete(0), number=BEFORE, confirms=BACKBONE, accuracy=1.0)])
        expect(page.locator("#candidate h2")).to_have_text(f"Backbone (no. {BEFORE})")
        page.locator("[data-view=table]").click()
        expect(page.locator("#table")).to_contain_text(f"{BEFORE} (backbone)")
        assert page.locator("#ranking").inner_text() == ranking


def test_a_run_that_begins_later_is_ranked_by_its_own_reward(
    tmp_path: Path, serve: Serve, visit: Begin
) -> None:
    run = tmp_path / "later"
    run.mkdir()
    page = visit().open(serve(run))
    expect(page.locator("#empty")).to_have_text("No candidate yet")
    expect(page.locator("#cloud")).to_be_hidden()
    make_run(tmp_path / "made", BEFORE, reward="absolute:T=0.5").close()
    for file in (tmp_path / "made").iterdir():
        if file.name != "run.json":
            file.rename(run / file.name)
    (tmp_path / "made" / "run.json").rename(run / "run.json")
    _wait_for(page, BEFORE)
    expect(page.locator("#T-value")).to_have_text("0.50")
    expect(page.locator("#cloud")).to_be_visible()
    expect(page.locator("#empty")).to_be_hidden()


def _complete(number: int) -> Candidate:
    candidates = (made_candidate(small(), number, seed) for seed in range(100))
    return next(c for c in candidates if c.state is State.COMPLETE)


def _wait_for(page: Page, count: int) -> None:
    page.wait_for_function(
        "(count) => document.documentElement.dataset.drawn === count", arg=str(count)
    )


def _curve_lengths(page: Page) -> dict[int, int]:
    """Return how many epochs of each candidate are in the chart of all curves."""
    numbers = page.locator("#learning-curves").evaluate(
        """async (place) => {
            const { spotsIn } = await import("/page/chart-pointing.js");
            return spotsIn(place).map(({ row }) => row.number);
        }"""
    )
    return dict(Counter(numbers))


def _axes(page: Page) -> object:
    return page.evaluate("async () => (await import('/page/plot.js')).axesFrame().ranges")
