"""``nas report`` as it is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.nas.command_line import nas
from tests.nas.conftest import Refusal
from tests.results.dashboard.made_run import make_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a few candidates."""
    path = tmp_path_factory.mktemp("runs") / "run"
    make_run(path, 5).close()
    return path


def test_it_writes_a_page(run: Path, tmp_path: Path) -> None:
    done = nas("report", run, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("report.html (")
    assert "small on digits" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_run_that_cannot_be_shown_is_said(run: Path, tmp_path: Path) -> None:
    done = nas("report", run, tmp_path, "--out", tmp_path / "r.html")
    assert done.returncode == 0
    assert "must be a run's directory" in done.stderr
    assert done.stderr.count("\n") == 1


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
