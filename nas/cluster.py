"""The Ray cluster that a search runs on: this machine, or a cluster that is running."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from nas import PACKAGES, interrupts
from nas.errors import UserError
from reward.step_time.paired import ALLOCATOR_SETTINGS

_ROOT = Path(__file__).parents[1]
_PACKAGES = (*PACKAGES, "nas")

# Ray writes no result files, as the record holds everything, and no snapshots of all trials. It
# leaves Ctrl-C to us and sends no usage statistics.
_RAY_SETTINGS = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000000",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


@dataclass(frozen=True)
class Cluster:
    """The Ray cluster in use, and how many candidates it can evaluate at once."""

    capacity: int
    has_gpus: bool


@contextmanager
def ray_cluster(address: str | None) -> Iterator[Cluster]:
    """Start Ray on this machine, or join the cluster at ``address`` and send it our code.

    Raises:
        UserError: no cluster answers there, or Ray does not start here.
    """
    os.environ.update(_RAY_SETTINGS)
    environment: dict[str, Any] = {
        "env_vars": {**ALLOCATOR_SETTINGS, "OMP_NUM_THREADS": "1"},
        "worker_process_setup_hook": _import_packages_from(None if address else str(_ROOT)),
    }
    if address:
        environment["py_modules"] = [str(_ROOT / name) for name in _PACKAGES]
    try:
        ray.init(
            address=address or "local",  # never a cluster that happens to run on this machine
            include_dashboard=None if address else False,
            log_to_driver=False,
            runtime_env=environment,
        )
    except SystemExit:  # raised by Ray's own handler of SIGTERM, which it puts in place first
        interrupts.received(signal.SIGTERM)
    except (ConnectionError, ValueError, RuntimeError, RayError) as error:
        reason = " ".join(str(error).split())[:200]
        if not address:
            raise UserError(f"Ray did not start on this machine ({reason})", exit_code=1) from error
        raise UserError(
            f"--address: got {address!r}, must be a running Ray cluster's address, or auto "
            f"({reason})"
        ) from error
    interrupts.reinstall()  # Ray's own handler of SIGTERM would end the process at once
    try:
        resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
        gpus = int(resources.get("GPU", 0))
        yield Cluster(gpus or max(1, int(resources.get("CPU", 1))), gpus > 0)
    finally:
        ray.shutdown()


def _import_packages_from(root: str | None) -> Callable[[], None]:
    """Return a function that imports our packages in a worker before any file of the user.

    When the first task arrives, Ray puts the driver's working directory first on a worker's path.
    A ``results.py`` there would then be imported instead of our package, unless ours is imported
    before. ``root`` is the folder of our packages, or None if Ray has sent them to the worker.
    """
    packages = _PACKAGES

    # Nested, so that Ray pickles it by value: the worker cannot import this module yet.
    def import_packages() -> None:
        import sys
        from importlib import import_module

        if root is not None:
            sys.path.insert(0, root)
        for name in packages:
            import_module(name)
        if root is not None:
            sys.path.remove(root)  # a folder of all installed packages, perhaps

    return import_packages


def check_address(address: str) -> None:
    """Check that something listens at the address; Ray itself would try for minutes.

    Raises:
        UserError: nothing listens there, or ``address`` is not a host and a port.
    """
    host, _, port = address.rpartition(":")
    if address == "auto":
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (ValueError, OverflowError, OSError) as error:
        raise UserError(
            f"--address: got {address!r}, must be a running Ray cluster's host:port, or auto "
            f"({error})"
        ) from error
