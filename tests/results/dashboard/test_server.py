"""The answers of the server, and the requests that it refuses."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from results.candidate import State
from results.dashboard.importance import MIN_CANDIDATES
from results.files import candidate_json
from results.record import Record
from reward.objective import Objective
from search_space.spaces import small
from tests.results.dashboard.conftest import place
from tests.results.dashboard.made_run import made_candidate, make_run

Serve = Callable[..., str]


def test_the_columns_agree_with_the_commands(made: Path, serve: Serve) -> None:
    run = _ask(serve(made), "api/runs")["runs"][0]
    where = place(made)
    with Record.read(where.url, where.run_id) as record:
        expected = [candidate_json(c, Objective()) for c in record.candidates()]
    columns = run["columns"]
    for name in ("number", "accuracy", "normalized_step_time", "parameters", "epochs"):
        assert columns[name] == [row[name] for row in expected]
    states = columns["state"]
    assert [states["values"][code] for code in states["codes"]] == [r["state"] for r in expected]
    lows = [row["step_time_ci_s"] and row["step_time_ci_s"][0] for row in expected]
    assert columns["step_time_low_s"] == lows
    assert run["reference"]["candidate"] == 0
    assert run["reference"]["parameters"] == expected[0]["parameters"]


def test_only_changes_are_sent(tmp_path: Path, serve: Serve) -> None:
    with make_run(tmp_path, 5) as record:
        address = serve(tmp_path)
        version = _ask(address, "api/runs")["runs"][0]["version"]
        new = made_candidate(small(), 5)
        record.start(replace(new, state=State.RUNNING))
        changed = _changed(address, version)
        assert changed["columns"]["number"] == [5]
        assert not changed["whole"]
        record.finish(new)
        again = _changed(address, changed["version"])
        assert again["columns"]["number"] == [5]
        assert again["columns"]["accuracy"] == [new.accuracy]
        assert _ask(address, "api/runs/0?after=nonsense-7-1")["whole"]


def test_events_contain_the_versions(made: Path, serve: Serve) -> None:
    address = serve(made)
    version = _ask(address, "api/runs")["runs"][0]["version"]
    with _answer(address, "/api/events") as answer:
        assert answer.readline() == b"event: changed\n"
        data = json.loads(answer.readline().removeprefix(b"data: "))
    assert data["runs"]["0"].split("-")[0] == version.split("-")[0]


def test_importance_is_a_share_of_each_choice(made: Path, serve: Serve) -> None:
    address = serve(made)
    answer = _ask(address, "api/runs/0/importance?target=accuracy")
    assert answer["candidates"] >= MIN_CANDIDATES
    assert set(answer["values"]) == set(small().options())
    assert sum(answer["values"].values()) == pytest.approx(1)
    assert _status(address, "/api/runs/0/importance?target=secrets") == 400
    assert _status(address, "/api/runs/0/importance?reward=product:w=nan") == 400


@pytest.mark.parametrize(
    "path",
    [
        "/page/../app.py",
        "/page/%2e%2e%2fapp.py",
        "/page//etc/passwd",
        "/page/app.py",
        "/run.json",
        "/record.sqlite",
        "/api/runs/1",
        "/api/runs/-1",
        "/api/runs/0/candidates/100000",
        f"/api/runs/0/candidates/{10**40}",
        "/docs",
    ],
)
def test_only_the_page_and_its_runs_are_served(made: Path, serve: Serve, path: str) -> None:
    assert _status(serve(made), path) == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_the_server_is_read_only(made: Path, serve: Serve, method: str) -> None:
    assert _status(serve(made), "/api/runs", method=method) == 405


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8080", 200),
        ("127.0.0.1", 200),
        ("[::1]:8080", 200),
        (socket.gethostname(), 200),
        ("evil.example", 400),
        ("127.0.0.1.evil.example:8080", 400),
        ("localhost.evil.example", 400),
        ("", 400),
    ],
)
def test_only_names_of_this_machine_are_answered(
    made: Path, serve: Serve, host: str, status: int
) -> None:
    assert _status(serve(made), "/api/runs", headers={"Host": host}) == status


def test_the_page_may_run_its_own_scripts_only(made: Path, serve: Serve) -> None:
    with _answer(serve(made), "/") as answer:
        policy = answer.headers["Content-Security-Policy"]
        page = answer.read()
    assert "default-src 'none'; script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert b"<script>" not in page


def test_a_detail_has_all_that_is_recorded(made: Path, serve: Serve) -> None:
    detail = _ask(serve(made), "api/runs/0/candidates/0")
    expected = made_candidate(small(), 0)
    assert expected.step_time is not None
    assert detail["architecture"]["architecture_id"] == expected.architecture.architecture_id
    assert detail["samples_s"] == list(expected.step_time.samples_s)
    assert detail["seed"] == str(expected.seed)
    assert [point[2] for point in detail["curve"]] == [point.accuracy for point in expected.curve]
    assert detail["file"]["measurements"]["accuracy"] == expected.accuracy


def _changed(address: str, version: str) -> dict[str, Any]:
    """Wait for changes after a version, and return them."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer: dict[str, Any] = _ask(address, f"api/runs/0?after={version}")
        if answer["columns"]["number"]:
            return answer
        time.sleep(0.05)
    raise AssertionError("nothing changed")


def _ask(address: str, path: str) -> Any:
    with _answer(address, f"/{path}") as answer:
        return json.loads(answer.read())


def _status(address: str, path: str, **options: Any) -> int:
    with _answer(address, path, **options) as answer:
        return answer.status


@contextmanager
def _answer(address: str, path: str, method: str = "GET", **options: Any) -> Iterator[HTTPResponse]:
    connection = HTTPConnection(urlsplit(address).netloc, timeout=60)
    connection.request(method, path, **options)
    with closing(connection), connection.getresponse() as answer:
        yield answer
