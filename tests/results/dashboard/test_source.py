"""Each problem of a run is shown on the page, and the run directory stays unchanged."""

from __future__ import annotations

import hashlib
import io
import math
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from rich.console import Console

from nas.run_directory import dashboard_source, open_run
from nas.search.progress import Progress
from results.candidate import Candidate, CurvePoint, State
from results.dashboard.columns import row
from results.dashboard.live_run import RecordLocation
from results.dashboard.payload import page_data
from results.dashboard.source import Source
from results.forecast import Plan
from results.ranking import reward as reward_of
from results.record import Record
from results.running import RunningFile
from results.salvage import SALVAGE_HINT
from results.units import cost_range, duration_range
from reward.objective import Objective, parse_reward
from search_space.spaces import small
from tests.postgres import postgres_server
from tests.results.dashboard.conftest import place
from tests.results.dashboard.made_run import (
    add,
    made_candidate,
    made_candidates,
    make_run,
    settings,
)


def _empty(run: Path) -> None:
    pass


def _half_written(run: Path) -> None:
    make_run(run, 3).close()
    (run / "run.json").unlink()


def _torn(run: Path) -> None:
    make_run(run, 3).close()
    (run / "run.json").write_text('{"schema_version": 1, "run_')


def _without_a_record(run: Path) -> None:
    make_run(run, 3).close()
    (run / "record.sqlite").unlink()


def _with_another_database(run: Path) -> None:
    make_run(run, 3).close()
    (run / "record.sqlite").unlink()
    with sqlite3.connect(run / "record.sqlite") as connection:
        connection.execute("CREATE TABLE things (x)")


def _with_no_database(run: Path) -> None:
    make_run(run, 3).close()
    (run / "record.sqlite").write_bytes(b"\x89PNG" * 1000)


def _with_an_old_record(run: Path) -> None:
    make_run(run, 3).close()
    with sqlite3.connect(run / "record.sqlite") as connection:
        connection.execute("ALTER TABLE candidates DROP COLUMN proposal")


def _with_a_later_record(run: Path) -> None:
    make_run(run, 3).close()
    with sqlite3.connect(run / "record.sqlite") as connection:
        connection.execute("UPDATE runs SET schema_version = 99")


def _foreign(run: Path) -> None:
    run.joinpath("run.json").write_text('{"schema_version": 1, "run_id": [], "storage": {}}')


def _with_an_unknown_storage(run: Path) -> None:
    run.joinpath("run.json").write_text('{"schema_version": 1, "run_id": "a", "storage": "a://b"}')


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (_empty, "must be a run's directory"),
        (_half_written, "must be a run's directory"),
        (_torn, "must be a run's directory"),
        (_without_a_record, "no such file"),
        (_with_another_database, "not a record of this tool"),
        (_with_no_database, "not a record of this tool (file is not a database)"),
        (_with_an_old_record, "written by another release of this tool"),
        (_with_a_later_record, "schema version 99"),
        (_foreign, "must be a run's directory, with a run.json"),
        (_with_an_unknown_storage, "a"),
    ],
)
def test_a_run_that_cannot_be_read_has_a_problem(
    tmp_path: Path, make: Callable[[Path], None], problem: str
) -> None:
    make(tmp_path)
    source = dashboard_source(tmp_path)
    source.poll()
    shown = source.payload(0)
    assert problem in shown["problem"]
    assert "\n" not in shown["problem"]
    assert shown["columns"]["number"] == []


def test_if_the_record_is_lost_later_its_candidates_stay(tmp_path: Path) -> None:
    make_run(tmp_path, 5).close()
    source = _polled(tmp_path)
    (tmp_path / "record.sqlite").unlink()
    source.poll()
    shown = source.payload(0)
    assert len(shown["columns"]["number"]) == 5
    assert "the run can no longer be read: " in shown["warnings"][0]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("architecture", "[]"),
        ("architecture", "{"),
        ("curve", "[[1]]"),
        ("samples_s", "[]"),
        ("state", "<script>"),
        ("phases_s", "[]"),
        ("multiply_adds", 9e999),
        ("multiply_adds", "much"),
        ("multiply_adds", b"\0"),
    ],
)
def test_a_damaged_candidate_is_left_out_and_counted(
    tmp_path: Path, column: str, value: object
) -> None:
    make_run(tmp_path, 5).close()
    _set(tmp_path, column, value)
    shown = _polled(tmp_path).payload(0)
    assert shown["columns"]["number"] == [0, 1, 2, 4]
    assert shown["warnings"] == [
        f"the record: damaged; 1 of 5 candidates cannot be read (no. 3); {SALVAGE_HINT}"
    ]


def test_a_curve_is_the_metric_after_each_epoch(tmp_path: Path) -> None:
    make_run(tmp_path, 5).close()
    curves = _polled(tmp_path).payload(0)["columns"]["curve"]
    assert curves == [
        [round(point.accuracy, 4) for point in candidate.curve]
        for candidate in made_candidates(small(), 5)
    ]


def test_what_is_no_number_is_a_gap_in_the_curve() -> None:
    values: list[Any] = ["high", 0.123456, math.inf]
    points = [CurvePoint(epoch, 0.5, value, 1.0) for epoch, value in enumerate(values, 1)]
    damaged = replace(made_candidate(small(), 0), curve=tuple(points))
    assert row(damaged, small())["curve"] == [None, 0.1235, None]


def test_reading_does_not_change_the_run(tmp_path: Path) -> None:
    run = tmp_path / "run"
    make_run(run, 5).close()
    before = _content(run)
    source = _polled(run)
    source.poll()
    assert source.candidate(0) is not None
    assert _content(run) == before


def test_reading_does_not_change_the_journal_mode(tmp_path: Path) -> None:
    make_run(tmp_path, 5).close()
    with sqlite3.connect(tmp_path / "record.sqlite") as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    before = _content(tmp_path)
    assert len(_polled(tmp_path).payload(0)["columns"]["number"]) == 5
    assert _content(tmp_path) == before


def test_the_intervals_of_many_candidates_appear_together(tmp_path: Path) -> None:
    make_run(tmp_path, 700).close()
    source = _polled(tmp_path)
    assert source.has_more
    version = source.version
    while source.has_more:
        source.poll()
    shown = source.payload(0, version)
    known = source.payload(0)["columns"]
    assert 0 < len(shown["columns"]["number"]) <= 200
    assert all(
        (low is None) == (value is None)
        for low, value in zip(known["normalized_low"], known["normalized_step_time"], strict=True)
    )


def test_a_budget_that_is_raised_is_shown(tmp_path: Path) -> None:
    with make_run(tmp_path, 3) as record:
        source = _polled(tmp_path)
        version = source.version
        record.change_settings({**record.settings(), "budget": 77})
        source.poll()
        assert source.version != version
        assert source.payload(0)["settings"]["budget"] == 77


@pytest.mark.parametrize(
    ("reward", "form", "numbers", "is_in_seconds"),
    [
        ("product", "product", {"w": -0.07, "v": -0.05}, False),
        ("product:w=-0.2,v=0", "product", {"w": -0.2, "v": 0}, False),
        ("absolute:T=0.5", "absolute", {"T": 0.5, "beta": -0.07}, False),
        ("absolute:T=0.05s", "absolute", {"T": 0.05, "beta": -0.07}, True),
        ("soft:T=1.2", "power", {"T": 1.2, "alpha": -0.07, "beta": -0.07}, False),
    ],
)
def test_the_page_begins_with_the_runs_reward(
    reward: str, form: str, numbers: dict[str, float], is_in_seconds: bool, tmp_path: Path
) -> None:
    with make_run(tmp_path, 3) as record:
        record.change_settings({**record.settings(), "reward": reward})
    source = _polled(tmp_path)
    assert page_data([source], [], "live")["objective"] == {
        "form": form,
        "numbers": numbers,
        "is_in_seconds": is_in_seconds,
    }
    assert source.payload(0)["warnings"] == []


@pytest.mark.parametrize(
    ("reward", "why"),
    [("unheard", "got 'unheard', must be product"), ("nowhere:reward", "--import nowhere")],
)
def test_a_reward_that_is_not_known_is_said(reward: str, why: str, tmp_path: Path) -> None:
    with make_run(tmp_path, 3) as record:
        record.change_settings({**record.settings(), "reward": reward})
    source = _polled(tmp_path)
    objective = page_data([source], [], "live")["objective"]
    assert (objective["form"], objective["numbers"]) == ("product", {"w": -0.07, "v": -0.05})
    (warning,) = source.payload(0)["warnings"]
    assert "rewards are by the default formula" in warning
    assert why in warning


def test_a_reward_of_the_users_own_comes_from_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("mine")
    module.reward = lambda a, s, p: a - 0.1 * s  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mine", module)
    with make_run(tmp_path, 3) as record:
        record.change_settings({**record.settings(), "reward": "mine:reward"})
        expected = {
            c.number: reward_of(c, parse_reward("mine:reward")) for c in record.candidates()
        }
    source = _polled(tmp_path)
    assert page_data([source], [], "live")["objective"] == {
        "form": "own", "numbers": {}, "is_in_seconds": False, "name": "mine:reward",
    }  # fmt: skip
    columns = source.payload(0)["columns"]
    assert dict(zip(columns["number"], columns["own_reward"], strict=True)) == expected
    assert any(value is not None for value in expected.values())
    assert source.payload(0)["warnings"] == []


def test_runs_of_unlike_rewards_begin_with_the_papers(tmp_path: Path) -> None:
    sources = []
    for name, reward in (("a", "product:w=-0.2"), ("b", "product:w=-0.3")):
        with make_run(tmp_path / name, 3) as record:
            record.change_settings({**record.settings(), "reward": reward})
        sources.append(_polled(tmp_path / name))
    objective = page_data(sources, [], "live")["objective"]
    assert objective["numbers"] == {"w": -0.07, "v": -0.05}


def _timed(count: int, start: float, seconds: float) -> list[Candidate]:
    """Candidates of one worker that all take equally long."""
    made = [made_candidate(small(), 0)] * count
    return [
        replace(c, number=i, started_at=start + seconds * i, finished_at=start + seconds * (i + 1))
        for i, c in enumerate(made)
    ]


def test_the_end_of_a_search_is_forecast(tmp_path: Path) -> None:
    """Five of a minute have ended, five are left; an hour costs 60."""
    with make_run(tmp_path, 0, budget=10, price=60.0, until=None, confirm=0) as record:
        add(record, _timed(5, start=1000.0, seconds=60.0))
    source = dashboard_source(tmp_path)
    source.poll()
    assert source.payload(0)["forecast"] is None  # nobody searches
    with open_run(tmp_path).lock():
        source.poll()
        if source.payload(0)["is_searching"] is None:
            pytest.skip("the system does not tell who holds a lock")
        assert source.payload(0)["forecast"] == {
            "ends_at": [1600.0, 1600.0],
            "candidates": 10,
            "is_cut": False,
            "cost_so_far": 5.0,
            "cost": [10.0, 10.0],
        }
    source.close()


@pytest.mark.parametrize(
    "changes",
    [
        {"budget": "many"},
        {"until": "soon"},
        {"price": []},
        {"confirm": None},
        {"confirm_epochs": [3]},
    ],
)
def test_settings_that_no_search_records_give_no_forecast(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    with make_run(tmp_path, 0, **changes) as record:
        add(record, _timed(5, start=1000.0, seconds=60.0))
    source = dashboard_source(tmp_path)
    with open_run(tmp_path).lock():
        source.poll()
        assert source.payload(0)["forecast"] is None
    source.close()


def test_a_search_is_detected_by_its_lock(tmp_path: Path) -> None:
    from nas.run_directory import open_run

    make_run(tmp_path, 3).close()
    source = _polled(tmp_path)
    assert source.payload(0)["is_searching"] is False
    with open_run(tmp_path).lock():
        source.poll()
        assert source.payload(0)["is_searching"] in (True, None)


def _polled(run: Path) -> Source:
    source = Source(run, lambda: place(run))
    source.poll()
    assert source.run is not None, source.problem
    return source


def _set(run: Path, column: str, value: Any) -> None:
    with sqlite3.connect(run / "record.sqlite") as connection:
        connection.execute("UPDATE candidates SET checksum = NULL")  # others could compute it too
        connection.execute(f"UPDATE candidates SET {column} = ? WHERE number = 3", [value])


def _content(run: Path) -> dict[str, str]:
    """Return the files' digests by name, without those of SQLite's open connections."""
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in run.iterdir()
        if not file.name.endswith(("-shm", "-wal"))
    }


def test_a_record_in_postgres_is_followed(tmp_path: Path) -> None:
    with postgres_server() as server, Record.open(server.url, "run") as record:
        where = RecordLocation(server.url, record.run_id)
        record.create(settings(small()))
        source = Source(tmp_path, lambda: where)
        source.poll()
        assert source.payload(0)["columns"]["number"] == []
        add(record, made_candidates(small(), 3))
        source.poll()
        assert source.payload(0)["columns"]["number"] == [0, 1, 2]
        assert source.candidate(2) == made_candidates(small(), 3)[2]
        source.close()


def test_the_counts_are_those_of_the_terminal(tmp_path: Path) -> None:
    run = tmp_path / "run"
    make_run(run, 40).close()
    source = dashboard_source(run)
    source.poll()
    standing = source.payload(0)["standing"]
    states = [candidate.state for candidate in made_candidates(small(), 40)]
    assert standing["total"] == 40
    assert standing["evaluated"] == sum(state in ("complete", "stopped") for state in states)
    assert standing["planned"] == 2000
    assert standing["done"] == f"{standing['evaluated']} of 2,000"
    assert standing["sentence"].startswith(f"{standing['done']} evaluated: ")
    assert standing["sentence"].endswith(": 40 in all")


def test_the_time_left_is_that_of_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, known = tmp_path / "run", made_candidates(small(), 40)
    make_run(run, 40, price=6.0).close()
    begun = replace(made_candidate(small(), 40), state=State.RUNNING, worker=None, finished_at=None)
    plan = Plan.recorded(settings(small(), price=6.0), small().size)
    shown = Progress(Console(file=io.StringIO()), Objective(), plan, known)
    shown(begun)
    with open_run(run).reopen_record() as record:
        record.start(begun)
    source = dashboard_source(run)
    monkeypatch.setattr("results.dashboard.source.is_searching", lambda _: True)
    source.poll()
    forecast = source.payload(0)["forecast"]
    now = forecast["ends_at"][0] - 3600
    monkeypatch.setattr("nas.search.progress.time.time", lambda: now)
    left = duration_range(3600, forecast["ends_at"][1] - now)
    assert f"{left} left | cost {cost_range(forecast['cost'])}" in shown.line().replace("·", "|")


def test_the_page_gets_what_runs_as_it_goes_on(tmp_path: Path) -> None:
    run = tmp_path / "run"
    make_run(run, 6).close()
    begun = replace(made_candidate(small(), 6), state=State.RUNNING, accuracy=None)
    open_run(run).reopen_record().start(replace(begun, curve=(), worker=None))
    source = dashboard_source(run)
    with open_run(run).lock():
        file = RunningFile(run, lambda _: 10)
        versions = []
        for epochs in range(3):
            file(replace(begun, curve=begun.curve[:epochs]))
            file(replace(begun, number=5))  # which has ended, by the record
            source.poll()
            versions.append(source.version)
            (shown,) = source.payload(0)["running"]
            assert shown["number"] == 6
            assert [point[0] for point in shown["curve"]] == list(range(1, epochs + 1))
        assert len(set(versions)) == 3
        (running,) = source.payload(0)["running"]
        names = source.payload(0)["workers"]
        assert running["name"] == names[running["worker"]]
        assert sorted(names.values()) == [f"worker {n}" for n in range(1, len(names) + 1)]
        assert running["stages"] == begun.architecture.to_json()["stages"]
    source.poll()
    assert source.payload(0)["running"] == []
