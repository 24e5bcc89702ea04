"""Runs the cases of the pretend CUDA device, each file in a pytest of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CASES = Path(__file__).parent / "pretend_cuda" / "cases"


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.glob("test_*.py")))
def test_cases(name: str) -> None:
    if shutil.which("g++") is None:
        if os.environ.get("CI"):
            pytest.fail("no g++, with which the pretend CUDA device is compiled")
        pytest.skip("no g++, with which the pretend CUDA device is compiled")
    plugins = ("-p", "tests.pretend_cuda.device", "-p", "no:xdist", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", "-q", *plugins, str(CASES / name)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-20_000:] + ended.stderr[-2_000:]
