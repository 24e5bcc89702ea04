"""The command line in a separate process, as users run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]


def environment() -> dict[str, str]:
    """Return this process's environment, with the repository's code found from any folder."""
    return {**os.environ, "PYTHONPATH": str(REPOSITORY)}


def start_nas(*arguments: object, cwd: Path | None = None) -> subprocess.Popen[str]:
    """Start ``nas`` with these arguments."""
    return subprocess.Popen(
        [sys.executable, "-m", "nas", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=environment(),
        preexec_fn=heed_signals,
    )


def heed_signals() -> None:
    """Let signals end the process also where tests run in the background, which ignores them."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def nas(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run ``nas`` with these arguments to its end."""
    process = start_nas(*arguments, cwd=cwd)
    out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def candidates(run: Path) -> list[Mapping[str, Any]]:
    """Return the candidates of a run by ``nas results --json``."""
    done = nas("results", run, "--json")
    assert done.returncode == 0, done.stderr
    rows: list[Mapping[str, Any]] = json.loads(done.stdout)["candidates"]
    return rows


def completed(run: Path) -> dict[int, tuple[str, float]]:
    """Return the architecture and accuracy of the complete candidates, by number."""
    return {
        c["number"]: (c["architecture_id"], c["accuracy"])
        for c in candidates(run)
        if c["state"] == "complete"
    }
