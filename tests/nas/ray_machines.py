"""Machines of a Ray cluster, as ``ray start`` makes them; here they all are on this one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.nas.command_line import environment

_HOST = "127.0.0.1"
_LIMIT_S = 90.0
_RAY = Path(sys.executable).with_name("ray")


class RayMachines:
    """The machines of a cluster, each with one core: the first has the control process.

    With a ``token``, the cluster lets only those in who have it.
    """

    def __init__(self, folder: Path, token: str) -> None:
        self.token = token
        self._folder = folder
        self._environment = {"RAY_AUTH_MODE": "token" if token else "disabled"}
        if token:
            self._environment["RAY_AUTH_TOKEN"] = token
        self._port = _free_port()
        self._machines: list[subprocess.Popen[bytes]] = []
        self.start("--head", f"--port={self._port}", "--include-dashboard=false")

    @property
    def address(self) -> str:
        """The address for ``--address``."""
        return f"{_HOST}:{self._port}"

    def add(self) -> int:
        """Start a further machine; return its number, from 1."""
        self.start(f"--address={self.address}")
        return len(self._machines) - 1

    def start(self, *options: str) -> None:
        """Run ``ray start``, and wait until the machine has joined the cluster."""
        size = ("--num-cpus=1", "--num-gpus=0", f"--object-store-memory={80 * 2**20}")
        place = (f"--node-ip-address={_HOST}", f"--temp-dir={self._folder}")
        log = self._folder / f"machine{len(self._machines)}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [str(_RAY), "start", *options, *size, *place, "--block", "--disable-usage-stats"],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**environment(), **self._environment},
                start_new_session=True,
            )
        self._machines.append(process)
        until = time.monotonic() + _LIMIT_S
        while b"Ray runtime started" not in (said := log.read_bytes()):
            assert process.poll() is None, said.decode()
            assert time.monotonic() < until, said.decode()
            time.sleep(0.1)

    def with_process(self, name: str) -> int:
        """Return the number of a machine but the first that runs a process of this name."""
        for number, machine in list(enumerate(self._machines))[1:]:
            pids = [str(pid) for pid in _session(machine.pid)]
            listed = subprocess.run(
                ["ps", "-o", "args=", "-p", ",".join(pids)], capture_output=True, text=True
            )
            if name in listed.stdout:
                return number
        raise AssertionError(f"no machine but the first runs {name}")

    def lose(self, number: int) -> None:
        """Kill all processes of a machine at once, as a power cut does."""
        kill_session(self._machines[number].pid)
        self._machines[number].wait()

    def lose_all(self) -> None:
        """Kill all machines."""
        for number in range(len(self._machines)):
            self.lose(number)


@contextmanager
def ray_machines(count: int = 2, token: str = "") -> Iterator[RayMachines]:
    """Start a cluster of ``count`` machines, and kill what is left of it at the end."""
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as path:
        machines = RayMachines(Path(path), token)
        try:
            for _ in range(count - 1):
                machines.add()
            yield machines
        finally:
            machines.lose_all()


def kill_session(leader: int) -> None:
    """Kill the processes of a session, and those that descend from them."""
    pids = _session(leader)
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 10
    while any(map(_runs, pids)) and time.monotonic() < until:
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    """Return whether a process still holds its ports: one that nobody has waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state not in "ZX"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((_HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def _session(leader: int) -> list[int]:
    """Return the processes of a session, and those that descend from them."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,ppid=,sid="], capture_output=True, text=True, check=True
    )
    rows = [[int(word) for word in line.split()] for line in listed.stdout.splitlines()]
    found = {pid for pid, _, session in rows if session == leader}
    for _ in rows:  # as deep as it may be
        more = {pid for pid, parent, _ in rows if parent in found} - found
        if not more:
            break
        found |= more
    return sorted(found)
