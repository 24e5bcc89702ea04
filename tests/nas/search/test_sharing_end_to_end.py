"""``nas search --per-gpu``: Ray's workers on the pretend CUDA device (tests.pretend_cuda)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nas.machine import available_cores
from nas.run_directory import open_for_reading
from results.candidate import State
from tests.nas.command_line import REPOSITORY

# Read by each Python process at its start: those of the search get the device before torch.
_SITE = """
import sys
if {"nas", "search"} & set(sys.orig_argv) or any("default_worker" in a for a in sys.orig_argv):
    from tests.pretend_cuda import device
    device._capability = (7, 0)
"""


@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ to compile the pretend device with")
@pytest.mark.skipif(available_cores() < 2, reason="each worker needs a core")
def test_candidates_share_a_gpu_and_are_timed_alone(
    tiny_space_file: Path, tiny_data_file: Path, tmp_path: Path
) -> None:
    site, run = tmp_path / "site", tmp_path / "run"
    site.mkdir()
    (site / "sitecustomize.py").write_text(_SITE)
    path = os.pathsep.join(map(str, (site, REPOSITORY)))
    options = ("--space", tiny_space_file, "--data", tiny_data_file, "--epochs", 2, "--budget", 4)
    command = (sys.executable, "-m", "nas", "search", *options, "--per-gpu", "auto", "--workers", 2)
    done = subprocess.run(
        [*map(str, command), "--out", str(run)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    (auto,) = [line for line in said if line.startswith("--per-gpu auto: ")]
    assert auto.startswith("--per-gpu auto: 4 candidates on each GPU (its memory holds ")
    assert "NVIDIA Pretend has no bfloat16: training in float32" in said
    _, record = open_for_reading(run)
    with record:
        found = record.candidates()
    assert [c.state for c in found] == [State.COMPLETE] * 4, [c.detail for c in found]
    assert len({c.worker for c in found}) == 2
    for candidate in found:
        assert candidate.step_time is not None
        assert candidate.step_time.conditions is not None
        assert candidate.step_time.conditions.sharers == 2
        assert candidate.phases_s["waiting"] < 60, "nobody was given up on"
