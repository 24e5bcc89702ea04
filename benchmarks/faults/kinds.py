"""What is done to a search: each kind of fault is a function of the search and of chance."""

from __future__ import annotations

import os
import random
import resource
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.processes import Command, titled
from tests.postgres import PostgresServer

_CLEAN, _BY_KILL, _BY_ERROR = 0, -signal.SIGKILL, 1


@dataclass(frozen=True)
class Victim:
    """A search that runs: its command, its folders, and its database server, if it has one."""

    command: Command
    folder: Path
    run: Path
    chance: random.Random
    server: PostgresServer | None = None


@dataclass(frozen=True)
class Kind:
    """A kind of fault, and the exit codes that a search may have after it.

    After an exit code but 0 the search is resumed. ``options`` are added to its command.
    ``tear`` damages files of the run before that.
    """

    harm: Callable[[Victim], None]
    exit_codes: tuple[int, ...]
    options: tuple[str, ...] = ()
    tear: bool = False
    needs: str = ""  # "sqlite" or "postgresql"


def _signal_driver(number: int) -> Callable[[Victim], None]:
    return lambda victim: victim.command.send(number)


def _pause_driver(victim: Victim) -> None:
    victim.command.send(signal.SIGSTOP)
    time.sleep(victim.chance.uniform(1, 8))
    victim.command.send(signal.SIGCONT)


def _signal_process(title: str, number: int) -> Callable[[Victim], None]:
    """Return what sends a signal to one of the search's processes, once there is one."""

    def harm(victim: Victim) -> None:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            pids = titled(victim.folder, title)
            if pids:
                with suppress(ProcessLookupError):  # it has just ended
                    os.kill(victim.chance.choice(pids), number)
                return
            time.sleep(0.1)

    return harm


def _lock_database(victim: Victim) -> None:
    with closing(sqlite3.connect(victim.run / "record.sqlite", timeout=30)) as database:
        database.execute("BEGIN IMMEDIATE")
        time.sleep(victim.chance.uniform(2, 12))
        database.rollback()


def _stop_server(victim: Victim) -> None:
    assert victim.server is not None
    victim.server.stop(victim.chance.choice(["fast", "immediate"]))
    time.sleep(victim.chance.uniform(1, 8))
    victim.server.start()


def _fill_disk(victim: Victim) -> None:
    """Refuse whatever the search writes to a file, for some seconds."""
    soft, hard = resource.prlimit(victim.command.pid, resource.RLIMIT_FSIZE)
    with suppress(ProcessLookupError):
        resource.prlimit(victim.command.pid, resource.RLIMIT_FSIZE, (0, hard))
        time.sleep(victim.chance.uniform(2, 12))
        resource.prlimit(victim.command.pid, resource.RLIMIT_FSIZE, (soft, hard))


_WORKER, _CONTROL, _RAYLET = "ray::Worker", "gcs_server", "raylet/raylet"
_LIMIT = ("--time-limit", "5")

KINDS = {
    "driver: SIGKILL": Kind(_signal_driver(signal.SIGKILL), (_BY_KILL,)),
    "driver: SIGTERM": Kind(_signal_driver(signal.SIGTERM), (143,)),
    "driver: SIGINT": Kind(_signal_driver(signal.SIGINT), (130,)),
    "driver: SIGHUP": Kind(_signal_driver(signal.SIGHUP), (129,)),
    "driver: SIGSTOP, SIGCONT": Kind(_pause_driver, (_CLEAN,)),
    "driver: SIGKILL, torn files": Kind(_signal_driver(signal.SIGKILL), (_BY_KILL,), tear=True),
    "worker: SIGKILL": Kind(_signal_process(_WORKER, signal.SIGKILL), (_CLEAN,)),
    "worker: SIGSTOP (a hang)": Kind(_signal_process(_WORKER, signal.SIGSTOP), (_CLEAN,), _LIMIT),
    "raylet: SIGKILL": Kind(_signal_process(_RAYLET, signal.SIGKILL), (_BY_ERROR,)),
    "raylet: SIGSTOP": Kind(_signal_process(_RAYLET, signal.SIGSTOP), (_BY_ERROR,)),
    "control process: SIGKILL": Kind(_signal_process(_CONTROL, signal.SIGKILL), (_BY_ERROR,)),
    "control process: SIGSTOP": Kind(_signal_process(_CONTROL, signal.SIGSTOP), (_BY_ERROR,)),
    "database: locked": Kind(_lock_database, (_CLEAN,), needs="sqlite"),
    "database: stopped": Kind(_stop_server, (_CLEAN,), needs="postgresql"),
    "disk: full": Kind(_fill_disk, (_CLEAN,)),
}


def tear_files(run: Path, chance: random.Random) -> None:
    """Cut files of a run that is not running off, as a machine that lost its power may leave them.

    Whatever is needed to go on is in the record, whose log gets a page that was begun.
    """
    for name in ("best.json", "candidates.csv", "pareto.csv", "report.html"):
        path = run / name
        if path.exists() and chance.random() < 0.7:
            with path.open("r+b") as file:
                file.truncate(chance.randrange(path.stat().st_size + 1))
    (run / ".best.json.1.tmp").write_text("{")
    (run / "record.sqlite-shm").unlink(missing_ok=True)
    log = run / "record.sqlite-wal"
    if log.exists():
        with log.open("ab") as file:
            file.write(chance.randbytes(chance.randrange(4000)))
