"""The command line in a process of its own, as people run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]


def environment() -> dict[str, str]:
    """This process's, such that the repository's code is found from anywhere."""
    return {**os.environ, "PYTHONPATH": str(REPOSITORY)}


def start_nas(*arguments: object, cwd: Path | None = None) -> subprocess.Popen[str]:
    """``nas`` with these arguments, running."""
    return subprocess.Popen(
        [sys.executable, "-m", "nas", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=environment(),
    )


def nas(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """``nas`` with these arguments, ended."""
    process = start_nas(*arguments, cwd=cwd)
    out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def candidates(run: Path) -> list[Mapping[str, Any]]:
    """What ``nas results --json`` says of a run."""
    done = nas("results", run, "--json")
    assert done.returncode == 0, done.stderr
    rows: list[Mapping[str, Any]] = json.loads(done.stdout)["candidates"]
    return rows


def completed(run: Path) -> dict[int, tuple[str, float]]:
    """Architecture and accuracy of the completed candidates, by number."""
    return {
        c["number"]: (c["architecture_id"], c["accuracy"])
        for c in candidates(run)
        if c["state"] == "complete"
    }
