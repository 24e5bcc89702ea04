"""Commands whose reader is gone, as after ``| head``, end quietly and with 0."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.nas.command_line import environment
from tests.results.dashboard.made_run import make_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a few candidates."""
    path = tmp_path_factory.mktemp("runs") / "run"
    make_run(path, 5).close()
    return path


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("results", "--help"),
        ("results", "RUN"),
        ("results", "RUN", "--json"),
        ("results", "RUN", "--csv"),
        ("results", "RUN", "--plot"),
        ("show", "efficientnet-b0"),
        ("show", "efficientnet-b0", "--json"),
        ("cache",),
    ],
)
def test_a_command_ends_quietly_with_its_reader(run: Path, arguments: tuple[str, ...]) -> None:
    given = [str(run) if word == "RUN" else word for word in arguments]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "nas", *given],
        stdout=writer,
        stderr=subprocess.PIPE,
        env=environment(),
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_error_is_said_also_without_a_reader(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "nas", "results", str(tmp_path)],
        stdout=writer,
        stderr=subprocess.PIPE,
        env=environment(),
        check=False,
    )
    os.close(writer)
    assert done.returncode == 2
    assert done.stderr.startswith(b"nas: RUN: got ")
