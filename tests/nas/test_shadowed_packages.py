"""Files of the user that have the names of our packages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.nas.command_line import REPOSITORY, completed

FOREIGN = "raise RuntimeError('a file of the user was imported')\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory with files of the names of our packages, and a folder ``nas``."""
    for name in ("results", "reward", "scaling", "search_space"):
        (tmp_path / f"{name}.py").write_text(FOREIGN)
    return tmp_path


def _python(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_a_search_in_such_a_folder_runs(
    folder: Path, tiny_space_file: Path, tiny_data_file: Path
) -> None:
    (folder / "nas").mkdir()
    (folder / "nas" / "__init__.py").write_text(FOREIGN)
    options = ("--space", tiny_space_file, "--data", tiny_data_file, "--budget", 2, "--epochs", 1)
    # -P leaves the working directory out, as the installed script ``nas`` does.
    done = _python(folder, "-P", "-m", "nas", "search", *options, "--out", folder / "run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(completed(folder / "run")) == 2


def test_python_dash_m_says_in_one_line_what_hides_what(folder: Path) -> None:
    done = _python(folder, "-m", "nas", "--help")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"{folder / 'search_space.py'} is found as 'search_space'" in done.stderr


def test_a_script_gets_an_import_error(folder: Path) -> None:
    (folder / "script.py").write_text("import nas\n")
    done = _python(folder, "script.py")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("ImportError: nas: ")
    assert "rename it" in done.stderr.splitlines()[-1]


def test_a_folder_of_results_without_code_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    done = _python(tmp_path, "-c", "import nas; print(nas.published('efficientnetv2-s').name)")
    assert done.stdout.strip() == "efficientnetv2-s", done.stderr
