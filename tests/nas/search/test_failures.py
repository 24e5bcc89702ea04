"""Every way in which a candidate can fail, injected into a real search."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from nas.search.settings import BASELINE
from search_space.choices import StageChoices
from search_space.space import Space
from search_space.space_file import write_space
from tests.nas.command_line import candidates, environment, nas

OPERATORS = ("no_memory", "not_a_number", "slow", "broken", "deadly", "deadly_once")


def test_each_failure_is_recorded_and_the_search_goes_on(
    tiny_space: Space, tiny_data_file: Path, tmp_path: Path
) -> None:
    space_file, run = tmp_path / "failing.yaml", tmp_path / "run"
    only = StageChoices(("mbconv",), (1,), (3,), (1,))
    choices = (only, StageChoices(("mbconv", *OPERATORS), (1,), (3,), (1, 2)))
    space_file.write_text(
        write_space(replace(tiny_space, choices=choices, backbone=tiny_space.backbone))
    )
    script = Path(__file__).with_name("failing_search.py")
    done = subprocess.run(
        [sys.executable, str(script), str(space_file), str(tiny_data_file), str(run)],
        env={**environment(), "DEADLY_ONCE": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr

    rows = candidates(run)
    ends = Counter((r["stages"][1]["operator"], r["state"], r["cause"]) for r in rows)
    assert ends == {
        ("mbconv", "complete", None): 2 + BASELINE,  # the backbone's
        ("deadly_once", "complete", None): 2,
        ("no_memory", "failed", "out_of_memory"): 2,
        ("not_a_number", "failed", "diverged"): 2,
        ("slow", "failed", "time_limit"): 2,
        ("broken", "failed", "error"): 2,
        ("deadly", "failed", "worker_lost"): 2,
    }
    details = {r["cause"]: r["detail"] for r in rows}
    assert "SIGKILL" in details["worker_lost"] or "died" in details["worker_lost"]
    assert "failed: error: ValueError: this operator is broken" in done.stdout
    summary = " ".join(nas("results", run).stdout.split())
    assert "4 complete" in summary
    assert "worker_lost 2" in summary


def test_a_hopeless_run_says_what_failed_most(
    tiny_space_file: Path, tiny_data_file: Path, tmp_path: Path
) -> None:
    limits = ("--time-limit", 0.001, "--max-failures", 3)
    options = ("--space", tiny_space_file, "--data", tiny_data_file, *limits)
    done = nas("search", *options, "--out", tmp_path / "run")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "most often time_limit (3)" in done.stderr
