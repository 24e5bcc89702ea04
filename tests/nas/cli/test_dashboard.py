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

from tests.nas.command_line import environment, start_nas
from tests.nas.conftest import Refusal
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
    address, _, token = process.stdout.readline().partition("/?token=")
    with urlopen(f"{address}/api/runs") as answer:
        shown, broken = json.load(answer)["runs"]
    with urlopen(f"{address}/api/events") as events:  # whoever waits does not hold it up
        events.readline()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert shown["columns"]["number"] == [0, 1, 2, 3, 4]
    assert "must be a run's directory" in broken["problem"]
    assert len(token.split()[0]) == 16
    assert (process.returncode, said.strip()) == (130, "")


def test_a_taken_port_is_one_line(refusal: Refusal, run: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = refusal("dashboard", run, "--port", port)
    assert message.startswith(f"--port: got {port}, must be a free port")


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
    refusal: Refusal,
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [str(run) if word == "RUN" else word for word in arguments]
    assert said in refusal("dashboard", *given)


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
