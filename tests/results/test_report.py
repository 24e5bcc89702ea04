"""The report is whole, escaped, and says what the candidates say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from results.candidate import Candidate, State
from results.pareto_plot import pareto_plot
from results.report import write_report
from results.report_tables import endings_table, stages_table
from reward.objective import Objective
from search_space.published import EFFICIENTNETV2_S

MakeCandidate = Callable[..., Candidate]
_ATTACK = "</script><script>alert(1)</script>"


@pytest.fixture
def candidates(make_candidate: MakeCandidate) -> list[Candidate]:
    """Two on the front, one dominated, two failed."""
    return [
        make_candidate(0, step_s=0.1, accuracy=0.5),
        make_candidate(1, step_s=0.2, accuracy=0.75, architecture=EFFICIENTNETV2_S),
        make_candidate(2, step_s=0.3, accuracy=0.6, worker=_ATTACK, detail=_ATTACK),
        make_candidate(3, state=State.FAILED, cause="diverged", accuracy=None),
        make_candidate(4, state=State.FAILED, cause=_ATTACK, accuracy=None, step_time=None),
    ]


def test_the_plot_shows_front_winner_and_backbone(candidates: list[Candidate]) -> None:
    plot = pareto_plot(candidates, Objective(), reference=EFFICIENTNETV2_S)
    traces = {trace["name"]: trace for trace in plot["data"]}
    assert traces["Pareto front"]["x"] == pytest.approx([0.5, 1.0])
    assert traces["Pareto front"]["y"] == [50, 75]
    assert sorted(traces["candidates"]["y"]) == [50, 60, 75]
    assert traces["backbone"]["y"] == traces["best reward"]["y"] == [75]


def test_the_page_is_self_contained_and_escaped(
    tmp_path: Path, candidates: list[Candidate]
) -> None:
    settings = {_ATTACK: _ATTACK, "sizes": [1, 2]}
    path = write_report(tmp_path / "r.html", candidates, settings, Objective(), title=_ATTACK)
    page = path.read_text()
    assert _ATTACK not in page
    assert page.count("</script>") == 3
    assert not re.search(r'<(script|link|img)[^>]+(src|href)="', page.split("<body>")[1])
    figure = re.search(r'id="figure">(.*)</script>', page)
    assert figure
    assert json.loads(figure[1])["data"]
    assert "candidate 1" in page
    assert "5 candidates: 3 complete, 2 failed." in page


def test_a_run_without_results_has_a_page_too(tmp_path: Path) -> None:
    page = write_report(tmp_path / "r.html", [], {}, Objective(), title="empty").read_text()
    assert "No winner yet" in page


def test_failures_are_counted_by_cause(make_candidate: MakeCandidate) -> None:
    causes = ["diverged", "out_of_memory", "diverged"]
    failed = [make_candidate(state=State.FAILED, cause=cause) for cause in causes]
    rows = endings_table(failed).splitlines()
    assert "<td>diverged</td><td class=number>2</td>" in rows[1]
    assert "<td>out_of_memory</td><td class=number>1</td>" in rows[2]


def test_stages_are_written_as_in_the_paper() -> None:
    rows = stages_table(EFFICIENTNETV2_S).splitlines()
    assert "Conv3x3" in rows[1]
    assert "Fused-MBConv4, k3x3<" in rows[3]
    assert "MBConv6, k3x3, SE0.25" in rows[6]
    assert "1280" in rows[8]
