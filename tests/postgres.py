"""A PostgreSQL server of our own, which a test may stop and start."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.other_user import NOBODY, open_folder

PASSWORD = "s3cret-word"


@dataclass(frozen=True)
class PostgresServer:
    """A server with the database ``postgres``, on a port of this machine."""

    folder: Path
    port: int
    password: str = PASSWORD

    @property
    def url(self) -> str:
        """The URL of its database."""
        return f"postgresql://nas:{self.password}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        self._control("start", "-w", "-l", str(self.folder / "log"), "-o", options)

    def stop(self, mode: str = "immediate") -> None:
        """End the server with all its sessions; ``mode`` is pg_ctl's, such as fast."""
        self._control("stop", "-m", mode)

    def _control(self, *arguments: str) -> None:
        _run("pg_ctl", "-D", str(self.folder / "data"), *arguments)


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a server; skip the test where PostgreSQL is not installed."""
    if shutil.which("initdb") is None or shutil.which("pg_ctl") is None:
        pytest.skip("PostgreSQL's server is not installed")
    with open_folder() as folder:
        (folder / "password").write_text(PASSWORD)
        if os.geteuid() == 0:  # the server refuses to run as root
            os.chown(folder, NOBODY, NOBODY)
        _run(
            "initdb", "-D", str(folder / "data"), "-U", "nas", "-A", "scram-sha-256",
            f"--pwfile={folder / 'password'}", "--no-sync", "--locale=C", "--encoding=UTF8",
        )  # fmt: skip
        server = PostgresServer(folder, _free_port())
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _run(*command: str) -> None:
    """Run a command, as the user nobody if this one is root."""
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # a pipe would be held open by the server
        stderr=subprocess.DEVNULL,
        cwd="/",
        timeout=60,
        check=False,
        **user,  # type: ignore[call-overload]
    )
    assert done.returncode == 0, command


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
