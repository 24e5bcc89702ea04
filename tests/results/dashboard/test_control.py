"""``nas dashboard --control``: who has the token stops a search, and chooses what comes next."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from starlette.testclient import TestClient

from nas.run_directory import dashboard_source, open_run
from results.candidate import stages_text
from results.control import FOLDER, Requests
from results.dashboard.board import Board
from results.dashboard.server import app
from search_space.spaces import small
from tests.results.dashboard.conftest import Visit
from tests.results.dashboard.made_run import make_run

Serve = Callable[..., str]
Begin = Callable[..., Visit]


def _point(**changes: Any) -> dict[str, Any]:
    """Return a network that no candidate of the made run is."""
    point = small().encode(small().backbone)
    return {**point, **{name.replace("_", ".", 1): value for name, value in changes.items()}}


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Iterator[Path]:
    """Return a copy of the made run that is searching, as far as its lock tells."""
    run = Path(shutil.copytree(made, tmp_path / "copied"))
    with open_run(run).lock():
        yield run


def _client(run: Path, has_control: bool = True) -> tuple[TestClient, Board]:
    board = Board([dashboard_source(run)], [], "a-token", has_control)
    board.sources[0].poll()
    board.close()  # no thread reads; requests do not wait
    headers = {"X-Token": "a-token"}
    return TestClient(app(board, "127.0.0.1"), "http://127.0.0.1", headers=headers), board


def test_a_network_and_a_stop_are_asked_for(copied: Path) -> None:
    client, board = _client(copied)
    assert client.get("/api/runs").json()["has_control"] is True
    before = board.sources[0].version
    wanted = client.post("/api/runs/0/next", json=_point(stage1_layers=2)).json()
    (waiting,) = Requests(copied).waiting()
    assert waiting.point == _point(stage1_layers=2)
    assert wanted["stages"] == stages_text(small().decode(waiting.point))
    assert client.post("/api/runs/0/stop").json() == {"stop": True}
    assert Requests(copied).asks_to_stop()
    board.sources[0].poll()
    assert board.sources[0].version != before
    assert client.get("/api/runs/0").json()["requests"] == {"stop": True, "next": [wanted]}
    assert client.delete(f"/api/runs/0/next/{wanted['name']}").status_code == 200
    assert Requests(copied).waiting() == []
    gone = client.delete(f"/api/runs/0/next/{wanted['name']}")
    assert (gone.status_code, gone.json()) == (404, {"problem": "it does not wait any more"})


@pytest.mark.parametrize("address", ["stop", "next"])
def test_it_is_off_unless_asked_for(copied: Path, address: str) -> None:
    client, _ = _client(copied, has_control=False)
    assert client.get("/api/runs").json()["has_control"] is False
    answer = client.post(f"/api/runs/0/{address}", json=_point())
    assert (answer.status_code, answer.json()["problem"]) == (
        403,
        "a search is controlled by a page of nas dashboard --control",
    )
    assert not (copied / FOLDER).exists()


def test_without_the_token_nothing_is_asked(copied: Path) -> None:
    client, _ = _client(copied)
    answer = client.post("/api/runs/0/stop", headers={"X-Token": "another"})
    assert answer.status_code == 403
    assert "at the address that nas dashboard printed" in answer.json()["problem"]
    assert not (copied / FOLDER).exists()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({}, "choices: must have an option of each of stage1.operator"),
        (_point(stage1_kernel=4), "stage1.kernel: got 4, must be one of 3, 5"),
        ([], "choices: must have an option of each"),
    ],
)
def test_what_is_no_network_is_refused(copied: Path, content: object, problem: str) -> None:
    client, _ = _client(copied)
    answer = client.post("/api/runs/0/next", json=content)
    assert answer.status_code == 400
    assert problem in answer.json()["problem"]


def test_a_candidate_is_not_evaluated_again(copied: Path) -> None:
    client, board = _client(copied)
    candidate = board.sources[0].candidate(3)
    assert candidate is not None
    answer = client.post("/api/runs/0/next", json=small().encode(candidate.architecture))
    assert (answer.status_code, answer.json()) == (400, {"problem": "it is candidate 3 already"})


def test_once_the_budget_is_spent_nothing_is_asked_for(tmp_path: Path) -> None:
    make_run(tmp_path / "run", 5, budget=5).close()
    with open_run(tmp_path / "run").lock():
        client, _ = _client(tmp_path / "run")
        answer = client.post("/api/runs/0/next", json=_point(stage1_layers=2))
    assert answer.status_code == 400
    assert "the budget is spent" in answer.json()["problem"]


def test_where_nothing_searches_nothing_is_asked(made: Path) -> None:
    client, _ = _client(made)
    for address in ("stop", "next"):
        answer = client.post(f"/api/runs/0/{address}", json=_point(stage1_layers=2))
        assert (answer.status_code, answer.json()["problem"]) == (
            404,
            "no search of this run is running",
        )
    assert not (made / FOLDER).exists()


def test_a_search_is_stopped_by_two_presses(copied: Path, serve: Serve, visit: Begin) -> None:
    address = serve(copied, token="a-token", has_control=True)
    page = visit().open(f"{address}?token=a-token")
    page.get_by_role("tab", name="Progress").click()
    page.get_by_role("button", name="Stop the search").click()
    expect(page.locator("#control")).to_contain_text("nas search --resume begins it again")
    page.get_by_role("button", name="Go on").click()
    assert not Requests(copied).asks_to_stop()
    page.get_by_role("button", name="Stop the search").click()
    page.get_by_role("button", name="Stop it now").click()
    expect(page.locator("#control")).to_contain_text("Asked to stop.")
    assert Requests(copied).asks_to_stop()


def test_a_variant_of_a_candidate_is_asked_for_and_withdrawn(
    copied: Path, serve: Serve, visit: Begin
) -> None:
    address = serve(copied, token="a-token", has_control=True)
    visited = visit()
    page = visited.open(f"{address}?token=a-token#selected=0:3")
    page.get_by_role("tab", name="Progress").click()
    own = dashboard_source(copied)
    own.poll()
    candidate = own.candidate(3)
    own.close()
    assert candidate is not None
    point = small().encode(candidate.architecture)
    page.get_by_text("Evaluate a variant next").click()
    panel = page.locator("#candidate")
    panel.get_by_role("button", name="Evaluate next").click()
    expect(panel).to_contain_text("not done: it is candidate 3 already")
    other = next(option for option in (3, 5) if option != point["stage2.kernel"])
    panel.get_by_label("stage2 kernel").select_option(label=str(other))
    panel.get_by_role("button", name="Evaluate next").click()
    expect(panel).to_contain_text("it will be next")
    (waiting,) = Requests(copied).waiting()
    assert waiting.point == {**point, "stage2.kernel": other}
    expect(page.locator("#control")).to_contain_text("To be evaluated next")
    page.locator("#control").get_by_role("button", name="withdraw").click()
    expect(page.locator("#control")).not_to_contain_text("To be evaluated next")
    assert Requests(copied).waiting() == []
    visited.errors = [text for text in visited.errors if "400 (Bad Request)" not in text]


def test_without_control_nothing_of_it_is_shown(copied: Path, serve: Serve, visit: Begin) -> None:
    Requests(copied).ask_for(_point(stage1_layers=2))
    address = serve(copied, token="a-token")
    page = visit().open(f"{address}?token=a-token#selected=0:3")
    page.get_by_role("tab", name="Progress").click()
    expect(page.locator("#control")).to_contain_text("To be evaluated next")
    assert page.locator("#control button").count() == 0
    assert page.locator(".variant").count() == 0
