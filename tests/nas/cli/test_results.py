"""The table of ``nas results``."""

from __future__ import annotations

import csv
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from nas.cli.results import print_results
from nas.run_directory import RunDirectory, create_run
from nas.search.prepare import prepare
from nas.search.request import SearchRequest
from results.candidate import Candidate, State
from results.spool import Spool
from reward.metric import METRICS
from reward.objective import Objective
from reward.step_time.measurement import StepTime
from search_space.spaces import small
from tests.nas.command_line import candidates, nas
from tests.nas.conftest import Refusal

TIMED = StepTime((0.13,) * 7, (0.1,) * 7, 10**9, "cpu", 8, 64)
CANDIDATE = Candidate(
    0,
    State.COMPLETE,
    small(8).backbone,
    seed=1,
    accuracy=0.75,
    parameters=1000,
    reference_parameters=2000,
    step_time=TIMED,
)
DISTURBED = replace(
    CANDIDATE, number=1, step_time=replace(TIMED, unsteady="its 7 steps scatter by 9 %")
)


def _lines(*candidates: Candidate, top: int = 10) -> list[str]:
    text = StringIO()
    print_results(
        Console(file=text, width=80), list(candidates), Objective(), top, METRICS["accuracy"]
    )
    return [line.rstrip() for line in text.getvalue().splitlines()]


def test_a_candidate_is_a_row() -> None:
    lines = _lines(CANDIDATE)
    row = next(line.split() for line in lines if line.strip().startswith("0 "))
    reward = 0.75 * 1.3**-0.07 * 0.5**-0.05
    assert row[:5] == ["0", f"{reward:.4f}", "75.0", "130.0", "1.30"]
    assert "1 evaluated: 1 complete" in lines


@pytest.mark.parametrize("top", [1, 2])
def test_a_disturbed_measurement_is_marked_where_it_shows(top: int) -> None:
    lines = _lines(CANDIDATE, DISTURBED, top=top)
    assert any(" ~1.30 " in line for line in lines) is (top == 2)
    assert ("~ something disturbed the measurement; --json shows what" in lines) is (top == 2)


@pytest.fixture
def begun(tmp_path: Path) -> RunDirectory:
    """Return a run with a complete candidate and one that is running."""
    run = create_run(tmp_path / "run", None)
    settings = {"reward": "product"}
    with run.create_record(settings) as record:
        record.start(replace(CANDIDATE, state=State.RUNNING))
        record.finish(CANDIDATE)
        record.start(replace(DISTURBED, state=State.RUNNING))
    return run


def _states(run: RunDirectory) -> list[str]:
    return [candidate["state"] for candidate in candidates(run.path)]


def test_what_was_running_when_a_search_ended_is_interrupted(begun: RunDirectory) -> None:
    with begun.lock():
        assert _states(begun) == ["complete", "running"]
    assert _states(begun) == ["complete", "interrupted"]
    said = "1 evaluated: 1 complete; besides 1 interrupted: 2 in all\n"
    assert said in nas("results", begun.path).stdout


def test_a_search_on_another_machine_may_be_running(begun: RunDirectory) -> None:
    (begun.path / "lock").write_text("another-machine\n")
    assert _states(begun) == ["complete", "running"]


def test_a_damaged_run_is_salvaged_and_gone_on_with(tmp_path: Path, tiny_data_file: Path) -> None:
    run, out = tmp_path / "run", tmp_path / "salvaged"
    with prepare(SearchRequest(out=run, data=str(tiny_data_file), budget=5)) as begun:
        for number in range(3):
            begun.record.start(replace(CANDIDATE, number=number, detail="d" * 5000))
    file = run / "record.sqlite"
    content = file.read_bytes()
    at = content.index(b"mbconv", content.index(b'schema_version":1,"stem'))
    file.write_bytes(content[:at] + bytes(64) + content[at + 64 :])

    shown = nas("results", run)
    assert "2 complete" in shown.stdout
    assert shown.stderr.startswith(f"nas: {file}: damaged; 1 of 3 candidates cannot be read (no. ")
    assert shown.stderr.endswith(
        "; nas results RUN --salvage OUT writes what can be read to a new run\n"
    )
    assert nas("report", run, "--out", tmp_path / "report.html").stderr.count("1 of 3") == 1

    salvaged = nas("results", run, "--salvage", out)
    assert salvaged.stdout == f"{out}: 2 candidates; go on with: nas search --resume {out}\n"
    assert "1 of 3 candidates cannot be read" in salvaged.stderr
    assert len(candidates(out)) == 2
    with prepare(SearchRequest(resume=out)) as resumed:
        assert resumed.settings == begun.settings
        assert len(resumed.record.candidates()) == 2
        assert resumed.run.run_id == begun.run.run_id


def test_what_waits_for_the_record_is_said(begun: RunDirectory) -> None:
    spool = Spool(begun.spool)
    assert nas("results", begun.path).stderr == ""
    spool.append(replace(CANDIDATE, number=1))
    shown = nas("results", begun.path)
    assert shown.stderr == (
        f"nas: {begun.spool}: holds 1 more, finished while the record was away; "
        "nas search --resume records them\n"
    )
    spool.close()


def test_a_run_is_not_salvaged_into_another(begun: RunDirectory, tmp_path: Path) -> None:
    refused = nas("results", begun.path, "--salvage", begun.path)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"nas: --salvage: got {begun.path}, which is there already")


def test_csv_is_what_the_run_holds(begun: RunDirectory) -> None:
    done = nas("results", begun.path, "--csv")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(StringIO(done.stdout)))
    assert [(row["number"], row["state"]) for row in rows] == [
        ("0", "complete"),
        ("1", "interrupted"),
    ]
    assert rows[0]["normalized_step_time"] == "1.3"


def test_the_front_is_drawn_also_in_a_pipe(begun: RunDirectory) -> None:
    done = nas("results", begun.path, "--plot")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("accuracy %\n")
    assert "★ no. 0  ● front" in done.stdout
    assert "\x1b" not in done.stdout


def test_in_another_encoding_the_front_is_ascii(
    begun: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    done = nas("results", begun.path, "--plot")
    assert "* no. 0  o front" in done.stdout
    assert done.stdout.isascii()


def test_there_is_one_form_of_output(refusal: Refusal, begun: RunDirectory) -> None:
    said = refusal("results", begun.path, "--json", "--csv")
    assert said.startswith("--json: not allowed together with --csv, must be one of the two")
