"""The Ray cluster that a search runs on: this machine, or a cluster that is running."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from nas import PACKAGES, cluster_probe, interrupts
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


_MAY_BE = "must be a running Ray cluster's host:port, ray://host:port or auto"
_PROBE_S = 30  # Ray alone takes seconds to import on a busy machine


@dataclass(frozen=True)
class Cluster:
    """The Ray cluster in use, and how many candidates it can evaluate at once."""

    capacity: int
    has_gpus: bool

    def shortage(self) -> str | None:
        """Return what workers have to wait for, in one line; None if one could start now."""
        name = "GPU" if self.has_gpus else "CPU"
        total = ray.cluster_resources().get(name, 0)  # type: ignore[no-untyped-call]
        free = ray.available_resources().get(name, 0)  # type: ignore[no-untyped-call]
        what = "GPU" if self.has_gpus else "core"
        if free >= 1:
            return None
        if total < 1:
            return f"waiting for a machine: the cluster has no {what} now"
        taken = (
            f"all {int(total)} of the cluster are" if total >= 2 else "the cluster's only one is"
        )
        return f"waiting for a {what}: {taken} in use, perhaps by other jobs"


@contextmanager
def ray_cluster(address: str | None) -> Iterator[Cluster]:
    """Start Ray on this machine, or join the cluster at ``address`` and send it our code.

    Raises:
        UserError: no cluster answers there, it does not let us in, or Ray does not start here.
    """
    os.environ.update(_RAY_SETTINGS)
    environment: dict[str, Any] = {
        "env_vars": {**ALLOCATOR_SETTINGS, "OMP_NUM_THREADS": "1"},
        "worker_process_setup_hook": _import_packages_from(str(_ROOT)),
    }
    with ExitStack() as stack:
        if address:
            # By name, as Ray Client cannot send a function here.
            environment["worker_process_setup_hook"] = "nas._import_packages"
            environment["py_modules"] = [str(_ROOT / name) for name in _PACKAGES]
            found = find_cluster(address)
            stack.enter_context(_authentication(found.mode))
            _connect(address, found.address, environment)
        else:
            _start(environment)
        stack.callback(ray.shutdown)
        interrupts.reinstall()  # Ray's own handler of SIGTERM would end the process at once
        resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
        gpus = int(resources.get("GPU", 0))
        yield Cluster(gpus or max(1, int(resources.get("CPU", 1))), gpus > 0)


def _start(environment: dict[str, Any]) -> None:
    try:
        ray.init(
            address="local",  # never a cluster that happens to run on this machine
            include_dashboard=False,
            log_to_driver=False,
            runtime_env=environment,
        )
    except SystemExit:  # raised by Ray's own handler of SIGTERM, which it puts in place first
        interrupts.received(signal.SIGTERM)
    except (ConnectionError, ValueError, RuntimeError, RayError) as error:
        raise UserError(
            f"Ray did not start on this machine ({_reason(error)})", exit_code=1
        ) from error


def _connect(address: str, found: str, environment: dict[str, Any]) -> None:
    try:
        ray.init(address=found, log_to_driver=False, runtime_env=environment)
    except SystemExit:
        interrupts.received(signal.SIGTERM)
    except (ConnectionError, ValueError, RuntimeError, RayError) as error:
        raise _cannot_join(address, _reason(error)) from error


def _reason(error: BaseException) -> str:
    """Return the cause of an error of Ray, in one line."""
    text = " ".join(str(error.__cause__ or error).split())
    if "Raylet addresses" in text:
        return (
            "this machine is not one of the cluster's: run ray start --address=... on it, "
            "or connect to ray://host:10001"
        )
    return text[:300]


def _cannot_join(address: str, cause: str) -> UserError:
    return UserError(f"--address: got {address!r}, {_MAY_BE} ({cause})")


def _import_packages_from(root: str) -> Callable[[], None]:
    """Return a function that imports our packages in a worker before any file of the user.

    When the first task arrives, Ray puts the driver's working directory first on a worker's path.
    A ``results.py`` there would then be imported instead of our package, unless ours is imported
    before. ``root`` is the folder of our packages.
    """
    packages = _PACKAGES

    # Nested, so that Ray pickles it by value: the worker cannot import this module yet.
    def import_packages() -> None:
        import sys
        from importlib import import_module

        sys.path.insert(0, root)
        for name in packages:
            import_module(name)
        sys.path.remove(root)  # a folder of all installed packages, perhaps

    return import_packages


@dataclass(frozen=True)
class FoundCluster:
    """The address of a cluster that answers, and Ray's mode of authentication there."""

    address: str
    mode: str


def find_cluster(address: str) -> FoundCluster:
    """Find out whether the cluster at ``address`` lets us in, and whether it wants a token.

    Ray itself would try for minutes. Ray turns tokens on at ``ray start`` if it finds one, but not
    when it connects to an address, and a token where none is wanted keeps workers from answering.

    Raises:
        UserError: no cluster is there, it requires another token, or another version of Ray or
            Python; ``address`` is not an address.
    """
    place = address
    if address == "auto":
        place = os.environ.get("RAY_ADDRESS") or address
    if place != "auto":
        _check_something_listens(address, place.removeprefix(cluster_probe.CLIENT))
    answer = _probe(address, place, "disabled")
    mode = "disabled"
    if answer.get("error") == cluster_probe.REFUSED:
        mode = "token"
        answer = _probe(address, place, mode)
    if "error" in answer:
        raise _cannot_join(address, _cause(place, answer["error"], answer["detail"]))
    return FoundCluster(answer["address"], mode)


def check_address(address: str) -> None:
    """Check that a cluster answers at the address and lets us in.

    Raises:
        UserError: as :func:`find_cluster`.
    """
    find_cluster(address)


def _check_something_listens(address: str, place: str) -> None:
    host, _, port = place.rpartition(":")
    if not (host and port.isdecimal() and int(port) < 2**16):
        raise _cannot_join(address, "it has no host and port")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _cannot_join(address, f"nothing answers there: {reason}") from error


def _probe(address: str, place: str, mode: str) -> dict[str, str]:
    """Run the probe with a mode of authentication and return its answer."""
    command = [sys.executable, "-P", cluster_probe.__file__, place]
    environment = {**os.environ, "RAY_AUTH_MODE": mode}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_PROBE_S
        )
    except subprocess.TimeoutExpired as error:
        raise _cannot_join(address, f"it did not answer within {_PROBE_S} s") from error
    try:
        answer: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):  # Ray ends the process if it cannot speak with what is there
        return {"error": cluster_probe.NOT_RAY, "detail": ""}
    return answer


def _cause(place: str, kind: str, detail: str) -> str:
    """Return why a cluster cannot be joined."""
    is_client = place.startswith(cluster_probe.CLIENT)
    if kind == cluster_probe.NO_CLUSTER:
        return "no cluster is running on this machine" if "multiple" not in detail else detail
    if kind == cluster_probe.NOT_RAY and is_client:
        return (
            "what listens there is not the server of Ray Client; its port is 10001, or "
            "--ray-client-server-port of ray start"
        )
    if kind == cluster_probe.NOT_RAY:
        return (
            "what listens there is not a Ray cluster, or has stopped answering; its port is that "
            "of ray start --port, 6379 by default, while that of Ray Client needs ray://"
        )
    if kind == cluster_probe.NO_CLIENT:
        return "ray:// needs Ray Client: pip install 'ray[client]'"
    if kind == cluster_probe.OTHER_VERSION:
        python = ".".join(map(str, sys.version_info[:3]))
        return (
            f"the cluster runs {detail}, this machine Ray {ray.__version__} and Python {python}, "
            "which must be the same"
        )
    if kind == cluster_probe.NO_TOKEN:
        return (
            "the cluster requires a token, and there is none here: copy its ~/.ray/auth_token to "
            "this machine, or set RAY_AUTH_TOKEN"
        )
    if kind == cluster_probe.REFUSED:
        return f"the cluster requires a token, and the one in {_where_token_is()} is another"
    return detail


def _where_token_is() -> str:
    """Return where Ray finds this machine's token, in its order."""
    if os.environ.get("RAY_AUTH_TOKEN"):
        return "RAY_AUTH_TOKEN"
    return os.environ.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token"


@contextmanager
def _authentication(mode: str) -> Iterator[None]:
    """Let Ray send tokens or not (``mode``, as in RAY_AUTH_MODE) while the context is open."""
    before = os.environ.get("RAY_AUTH_MODE")
    os.environ["RAY_AUTH_MODE"] = mode
    _reread_authentication()
    try:
        yield
    finally:
        os.environ.pop("RAY_AUTH_MODE")
        if before is not None:
            os.environ["RAY_AUTH_MODE"] = before
        _reread_authentication()


def _reread_authentication() -> None:
    """Let Ray read RAY_AUTH_MODE and the token again, as it does itself where it changes them."""
    _raylet = import_module("ray._raylet")
    _raylet.Config.initialize("")
    loader = getattr(_raylet, "AuthenticationTokenLoader", None)
    if loader is not None:  # a Ray that knows tokens
        loader.instance().reset_cache()
