"""The report is the whole page in one file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from nas.run_directory import dashboard_source
from results.candidate import Candidate
from results.dashboard import report
from results.dashboard.importance import importances
from results.dashboard.report import write_report
from results.ranking import best, front
from results.record import Record
from reward.objective import Objective
from tests.results.dashboard.conftest import CANDIDATES, Visit, place
from tests.results.dashboard.made_run import make_run
from tests.results.dashboard.report_data import data_of

Begin = Callable[..., Visit]


@pytest.fixture(scope="module")
def written(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the report of the run."""
    return write_report(tmp_path_factory.mktemp("report") / "r.html", [dashboard_source(made)])


@pytest.fixture(scope="module")
def winner(made: Path) -> Candidate:
    """Return the run's best candidate."""
    where = place(made)
    with Record.read(where.url, where.run_id) as record:
        found = best(record.candidates(), Objective())
    assert found is not None
    return found


def test_the_report_shows_the_same_as_the_server(
    written: Path, winner: Candidate, visit: Begin
) -> None:
    page = visit(offline=True).open(f"{written.as_uri()}#selected=0:{winner.number}")
    assert page.locator("html").get_attribute("data-drawn") == str(CANDIDATES)
    expect(page.locator("#winner")).to_contain_text(f"candidate {winner.number}")
    expect(page.locator("#candidate")).to_contain_text(str(winner.seed))
    page.locator("[data-view=matters]").click()
    expect(page.locator("#importances")).to_contain_text("expansion")
    with page.expect_download() as download:
        page.locator("[data-action=save-json]").click()
    saved = json.loads(Path(download.value.path()).read_text())
    assert saved["architecture_id"] == winner.architecture.architecture_id


def test_the_report_refers_to_no_other_file(written: Path) -> None:
    page = written.read_text(encoding="utf-8")
    tags = re.findall(r"<(?:script|link|img|iframe|style)\b[^>]*>", _without_scripts(page))
    assert [tag for tag in tags if "src=" in tag or "href=" in tag] == [
        '<link rel="icon" href="data:,">'
    ]
    assert page.index('<meta charset="utf-8">') < 1024
    assert page.index("Content-Security-Policy") < page.index("<script")
    assert "unsafe-inline" not in page


def test_a_report_of_1000_candidates_is_below_1_5_mb(tmp_path: Path) -> None:
    make_run(tmp_path / "run", 1000).close()
    report = write_report(tmp_path / "r.html", [dashboard_source(tmp_path / "run")])
    assert len(data_of(report)["details"]["0"]) == 1000
    assert report.stat().st_size < 1.5e6


def test_every_candidate_has_its_details(written: Path) -> None:
    assert sorted(map(int, data_of(written)["details"]["0"])) == list(range(CANDIDATES))


def test_of_too_many_candidates_the_front_and_the_best_have_details(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "MAX_DETAILS", 12)
    with make_run(tmp_path / "run", 40) as record:
        candidates = record.candidates()
    data = data_of(write_report(tmp_path / "r.html", [dashboard_source(tmp_path / "run")]))
    details = set(data["details"]["0"])
    winner = best(candidates, Objective())
    assert winner is not None
    assert len(details) == 12
    assert {str(c.number) for c in (*front(candidates), winner)} <= details


def test_the_importance_is_at_the_exponents_that_the_page_begins_with(tmp_path: Path) -> None:
    with make_run(tmp_path / "run", 40) as record:
        record.change_settings({**record.settings(), "reward": "product:w=-1,v=-1"})
    source = dashboard_source(tmp_path / "run")
    data = data_of(write_report(tmp_path / "r.html", [source]))
    assert source.run is not None
    at = Objective(-1.0, -1.0)
    assert data["objective"] == at.to_json()
    importance = {
        objective: json.loads(json.dumps(importances(source.rows(), source.run.space, objective)))
        for objective in (at, Objective())
    }
    assert data["importance"]["0"] == importance[at] != importance[Objective()]


def test_a_run_without_candidates_has_a_page_too(tmp_path: Path, visit: Begin) -> None:
    make_run(tmp_path / "run", 0).close()
    (tmp_path / "nothing").mkdir()
    sources = [dashboard_source(tmp_path / name) for name in ("run", "nothing")]
    page = visit().open(write_report(tmp_path / "r.html", sources).as_uri())
    expect(page.locator("#winner")).to_contain_text("No candidate yet")
    expect(page.locator("#problems")).to_contain_text("must be a run's directory")


def _without_scripts(page: str) -> str:
    return re.sub(r"(<script[^>]*>).*?</script>", r"\1", page, flags=re.DOTALL)
