"""The page follows a search while it is open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Page, expect

from results.candidate import EVALUATED, Candidate, State
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


def test_a_training_that_confirms_another_is_not_ranked_by_itself(
    tmp_path: Path, serve: Serve, visit: Begin
) -> None:
    with make_run(tmp_path, BEFORE) as record:
        page = visit().open(serve(tmp_path))
        winner = page.locator("#winner").inner_text()
        add(record, [replace(_complete(BEFORE), accuracy=1.0, confirms=3)])
        expect(page.locator("#shown")).to_contain_text(f"{BEFORE + 1} candidates")
        assert page.locator("#winner").inner_text() == winner
        states = [candidate.state for candidate in record.candidates()[:BEFORE]]
        evaluated = sum(state in EVALUATED for state in states)
        expect(page.locator("#runs")).to_contain_text(f"{evaluated} of 2,000")


def _complete(number: int) -> Candidate:
    candidates = (made_candidate(small(), number, seed) for seed in range(100))
    return next(c for c in candidates if c.state is State.COMPLETE)


def _wait_for(page: Page, count: int) -> None:
    page.wait_for_function(
        "(count) => document.documentElement.dataset.drawn === count", arg=str(count)
    )


def _axes(page: Page) -> object:
    return page.evaluate(
        """() => {
            const { xaxis, yaxis } = document.getElementById("pareto")._fullLayout;
            return [xaxis.range, yaxis.range];
        }"""
    )
