"""The address of a Ray cluster: whether one answers there, lets us in, and wants a token."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module

import ray

from nas import cluster_probe
from nas.errors import UserError

_MAY_BE = "must be a running Ray cluster's host:port, ray://host:port or auto"
_PROBE_S = 30  # Ray alone takes seconds to import on a busy machine


def cannot_join(address: str, cause: str) -> UserError:
    """Return the error of an address where no cluster can be joined."""
    return UserError(f"--address: got {address!r}, {_MAY_BE} ({cause})")


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
        raise cannot_join(address, _cause(place, answer["error"], answer["detail"]))
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
        raise cannot_join(address, "it has no host and port")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise cannot_join(address, f"nothing answers there: {reason}") from error


def _probe(address: str, place: str, mode: str) -> dict[str, str]:
    """Run the probe with a mode of authentication and return its answer."""
    command = [sys.executable, "-P", cluster_probe.__file__, place]
    environment = {**os.environ, "RAY_AUTH_MODE": mode}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_PROBE_S
        )
    except subprocess.TimeoutExpired as error:
        raise cannot_join(address, f"it did not answer within {_PROBE_S} s") from error
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
def authentication(mode: str) -> Iterator[None]:
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
