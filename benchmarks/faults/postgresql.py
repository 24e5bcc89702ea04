"""A PostgreSQL server of this benchmark's own, on loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.faults.kinds import control_server

_NOBODY = 65534  # the server refuses to run as root


@contextmanager
def server(folder: Path) -> Iterator[tuple[str, Path]]:
    """Start a server; yield the URL of a database, and the server's data folder.

    Raises:
        SystemExit: PostgreSQL is not installed.
    """
    if not shutil.which("initdb"):
        raise SystemExit("--postgresql needs PostgreSQL's initdb and pg_ctl on the PATH")
    data = folder / "postgresql"
    data.mkdir(mode=0o700)
    user = _NOBODY if os.getuid() == 0 else None
    if user:
        os.chown(data, user, user)
    initialise = ["initdb", "-D", str(data), "-U", "nas", "--auth=trust", "--no-sync"]
    subprocess.run(initialise, check=True, stdout=subprocess.DEVNULL, user=user, cwd=data)
    port = _free_port()
    with (data / "postgresql.conf").open("a") as file:
        file.write(f"port = {port}\nlisten_addresses = '127.0.0.1'\n")
        file.write(f"unix_socket_directories = '{data}'\nmax_connections = 50\n")
    control_server(data, "start")
    try:
        yield f"postgresql://nas@127.0.0.1:{port}/postgres", data
    finally:
        control_server(data, "stop", "-m", "immediate")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
