"""``nas report`` as it is run."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from search_space.spaces import small
from tests.nas.command_line import nas
from tests.nas.conftest import Refusal
from tests.results.dashboard.made_run import make_run, settings
from tests.results.dashboard.report_data import data_of


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a few candidates."""
    path = tmp_path_factory.mktemp("runs") / "run"
    make_run(path, 5).close()
    return path


def test_it_writes_a_page(run: Path, tmp_path: Path) -> None:
    done = nas("report", run, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{run / 'report.html'} (")
    assert "<title>" in (run / "report.html").read_text(encoding="utf-8")
    assert not list(tmp_path.iterdir())


def test_of_several_runs_it_is_here(run: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    make_run(other, 3, run_id="other").close()
    done = nas("report", run, other, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("report.html (")
    assert 'content="made other"' in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("content", ["my notes\n", '<meta name="nas-runs" content="another">\n'])
def test_another_file_is_not_replaced(
    refusal: Refusal, run: Path, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "page.html"
    path.write_text(content)
    said = refusal("report", run, "--out", path)
    assert said == (
        f"--out: {path} exists already, and is no report of these runs; --force replaces it"
    )
    assert path.read_text() == content
    assert nas("report", run, "--out", path, "--force").returncode == 0
    assert path.stat().st_size > 100_000


def test_an_earlier_report_is_replaced_by_one_of_the_same_run_or_of_more(
    run: Path, tmp_path: Path
) -> None:
    path, other = tmp_path / "page.html", tmp_path / "other"
    make_run(other, 3, run_id="other").close()
    for runs in ([run], [run], [run, other]):
        assert nas("report", *runs, "--out", path).returncode == 0
    assert nas("report", run, "--out", path).returncode == 2  # it would lose the other


def test_a_report_of_what_is_left_of_a_damaged_run_ends_with_1(tmp_path: Path) -> None:
    run = tmp_path / "run"
    make_run(run, 5).close()
    with sqlite3.connect(run / "record.sqlite") as connection:
        connection.execute("UPDATE candidates SET accuracy = 2 WHERE number = 3")
    done = nas("report", run)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "1 of 5 candidates cannot be read (no. 3)" in line
    assert (run / "report.html").exists()


def test_a_run_that_cannot_be_shown_is_said(run: Path, tmp_path: Path) -> None:
    done = nas("report", run, tmp_path, "--out", tmp_path / "r.html")
    assert done.returncode == 1
    assert "must be a run's directory" in done.stderr
    assert done.stderr.count("\n") == 1
    shown, problem = data_of(tmp_path / "r.html")["runs"]
    assert shown["title"] == "small on digits"
    assert "must be a run's directory" in problem["problem"]


def _with_a_bomb(run: Path) -> None:
    """Put 448 bytes of YAML into the settings, which stand for a text of 10**11."""
    lines = ["name: [&a [x,x,x,x,x,x,x,x,x]"]
    lines += [f", &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 9)}]" for i in range(10)]
    space = "".join(lines) + "]\nbackbone: x\nstages: x"
    _change(run, "UPDATE runs SET settings = ?", json.dumps({**settings(small()), "space": space}))


def _with_layers(run: Path) -> None:
    network = small().backbone.to_json()
    network["stages"][0]["layers"] = 10**9
    _change(run, "UPDATE candidates SET architecture = ?", json.dumps(network))


def _with_another_file(run: Path) -> None:
    (run / "record.sqlite").write_bytes(b"no record" * 1000)


def _change(run: Path, statement: str, value: str) -> None:
    with sqlite3.connect(run / "record.sqlite") as connection:
        for table in ("runs", "candidates"):
            connection.execute(f"UPDATE {table} SET checksum = NULL")
        connection.execute(statement, [value])


@pytest.mark.parametrize("damage", [_with_layers, _with_another_file])
@pytest.mark.parametrize("command", ["report", "results"])
def test_a_run_without_a_candidate_that_can_be_read_is_one_line(
    tmp_path: Path, damage: Callable[[Path], None], command: str
) -> None:
    run = tmp_path / "run"
    make_run(run, 5).close()
    damage(run)
    started = time.monotonic()
    done = nas(command, run, cwd=tmp_path)
    assert time.monotonic() - started < 30
    assert done.returncode == 1, done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith("nas: ")
    assert "record" in line
    assert not (run / "report.html").exists()


def test_aliases_that_stand_for_a_large_text_do_not_stall(tmp_path: Path) -> None:
    run = tmp_path / "run"
    make_run(run, 5).close()
    _with_a_bomb(run)
    started = time.monotonic()
    done = nas("report", run, cwd=tmp_path)
    assert time.monotonic() - started < 30
    assert done.returncode == 0
    assert done.stderr.endswith("the alias *a, must be written out)\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "RUN: got nowhere"),
        (["RUN", "--out", "no/such/folder/r.html"], "--out: got no/such/folder/r.html"),
    ],
)
def test_what_cannot_be_is_one_line(
    refusal: Refusal,
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [str(run) if word == "RUN" else word for word in arguments]
    assert refusal("report", *given).startswith(said)
