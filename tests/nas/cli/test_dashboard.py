"""``nas dashboard`` as it is run: its address, its end, and what it refuses."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.nas.command_line import environment, nas, start_nas
from tests.results.dashboard.made_run import make_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a few candidates."""
    path = tmp_path_factory.mktemp("runs") / "run"
    make_run(path, 5).close()
    return path


def test_it_serves_until_ctrl_c(run: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    process = start_nas("dashboard", run, empty, "--port", 0)
    assert process.stdout is not None
    address = process.stdout.readline().split()[0]
    with urlopen(f"{address}/api/runs") as answer:
        shown, broken = json.load(answer)["runs"]
    with urlopen(f"{address}/api/events") as events:  # whoever waits does not hold it up
        events.readline()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert shown["columns"]["number"] == [0, 1, 2, 3, 4]
    assert "must be a run's directory" in broken["problem"]
    assert (process.returncode, said.strip()) == (130, "")


def test_a_taken_port_is_one_line(run: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = nas("dashboard", run, "--port", port)
    assert done.returncode == 2
    assert done.stderr.startswith(f"nas: --port: got {port}, must be a free port")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "RUN: got nowhere"),
        (["RUN", "--host", "no.such.host.invalid"], "--host: got 'no.such.host.invalid'"),
        (["RUN", "--bench", "nowhere.json"], "--bench: nowhere.json: cannot be read"),
        (["RUN", "--port", "70000"], "--port"),
        ([], "RUN"),
    ],
)
def test_what_cannot_be_is_one_line(
    run: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    given = [str(run) if word == "RUN" else word for word in arguments]
    done = nas("dashboard", *given, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_it_starts_without_torch_and_ray() -> None:
    code = """
import sys
import nas.cli.main, nas.cli.dashboard, results.dashboard.server, results.dashboard.report
print({"torch", "ray", "fvcore", "optuna", "pandas"} & set(sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=True
    )
    assert done.stdout.strip() == "set()"
