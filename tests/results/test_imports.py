"""The record, the files and the dashboard are imported without heavy packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_MODULES = ["record", "files", "dashboard.report", "dashboard.server"]
_HEAVY = {"record": {"torch", "ray", "pandas", "plotly", "numpy"}}


@pytest.mark.parametrize("module", _MODULES)
def test_heavy_packages_are_imported_only_where_needed(module: str) -> None:
    script = f"import sys, results.{module}; print(*sys.modules)"
    run = [sys.executable, "-c", script]
    root = Path(__file__).parents[2]
    loaded = subprocess.run(run, cwd=root, capture_output=True, text=True, check=True).stdout
    assert not _HEAVY.get(module, {"torch", "ray"}) & set(loaded.split())
