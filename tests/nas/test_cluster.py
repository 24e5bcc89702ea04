"""``--address``: a search on a cluster that exists."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from nas.search.run_directory import open_for_reading
from search_space.choices import StageChoices
from search_space.space import Space
from search_space.space_file import write_space
from tests.nas.command_line import REPOSITORY, completed
from tests.nas.conftest import Refusal


def test_a_search_outlives_one_of_two_nodes(
    tiny_space: Space, tiny_data_file: Path, tmp_path: Path
) -> None:
    space_file, run = tmp_path / "sent.yaml", tmp_path / "run"
    ours = StageChoices(("mbconv", "fused_mbconv"), (1, 2), (3,), (1, 2, 4))
    sent = StageChoices(("sent", "mbconv"), (1,), (3,), (1, 2))
    space = replace(tiny_space, choices=(ours, sent))
    space_file.write_text(write_space(space))
    script = Path(__file__).with_name("cluster_search.py")
    checkout = tmp_path / "checkout"
    for room in ("nas", "results", "reward", "scaling", "search_space"):
        shutil.copytree(REPOSITORY / room, checkout / room)
    done = subprocess.run(
        [sys.executable, *map(str, (script, checkout, space_file, tiny_data_file, run))],
        env={**os.environ, "PYTHONPATH": str(checkout)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(completed(run)) == 12
    _, record = open_for_reading(run)
    with record:
        candidates = record.candidates()
    assert all(c.state == "complete" for c in candidates), [c.detail for c in candidates]
    assert any(c.architecture.stages[1].operator == "sent" for c in candidates)
    assert len({c.worker for c in candidates}) >= 2


def test_an_address_where_no_cluster_is(
    refusal: Refusal, tiny_space_file: Path, tiny_data_file: Path, tmp_path: Path
) -> None:
    options = ("--space", tiny_space_file, "--data", tiny_data_file, "--out", tmp_path / "run")
    message = refusal("search", *options, "--address", "127.0.0.1:1")
    assert message.startswith("--address: got '127.0.0.1:1'")
