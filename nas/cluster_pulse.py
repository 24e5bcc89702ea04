"""Whether Ray's own processes live; none of our calls may wait for ever for one that does not."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import ray

from nas.errors import ClusterLost

ANSWERS_WITHIN_S = 30.0
"""Seconds after which a process of Ray that is there, but does not answer, counts as lost."""
_CHECK_EVERY_S = 2.0
_AFTER_A_PAUSE_S = 2.0
CONTROL, RAYLET = "control process (GCS)", "raylet"

Address = tuple[str, int]
_Answer = TypeVar("_Answer")


def ask(question: Callable[[], _Answer]) -> _Answer:
    """Return the answer to a question that Ray's control process answers, such as ``ray.nodes``.

    Raises:
        ClusterLost: there is none within :data:`ANSWERS_WITHIN_S`.
        Exception: what the question raised.
    """
    answers: list[_Answer] = []
    errors: list[Exception] = []

    def put() -> None:
        try:
            answers.append(question())
        except Exception as error:
            errors.append(error)

    asking = threading.Thread(target=put, daemon=True)
    asking.start()
    asking.join(ANSWERS_WITHIN_S)
    if asking.is_alive():
        asking.join(_AFTER_A_PAUSE_S)  # this machine may have slept
    if errors:
        raise errors[0]
    if not answers:
        raise ClusterLost(
            f"Ray's {CONTROL} has not answered for {ANSWERS_WITHIN_S:g} s", exit_code=1
        )
    return answers[0]


def nodes() -> list[Mapping[str, Any]]:
    """Return what Ray knows of the cluster's machines, as ``ray.nodes`` does."""
    known: list[Mapping[str, Any]] = ask(ray.nodes)
    return known


def raylet_address(node: Mapping[str, Any]) -> Address:
    """Return where the raylet of one of the :func:`nodes` listens."""
    return node["NodeManagerAddress"], node["NodeManagerPort"]


def listens(address: Address) -> bool:
    """Return whether a process listens there; one that was stopped does."""
    try:
        socket.create_connection(address, timeout=5).close()
    except OSError:
        return False
    return True


@dataclass
class Pulse:
    """The processes of Ray that this one depends on: the control process, and a raylet.

    ``node`` is the raylet's machine, by Ray's id. ``patience_s`` is how long a process may be away.
    """

    node: str
    addresses: Mapping[str, Address]
    patience_s: float
    _checked_at: float = 0.0
    _seen_at: float = field(default_factory=time.monotonic)

    def check(self) -> None:
        """Check now and then that the processes are there and answer.

        Raises:
            ClusterLost: one of them is away for too long, or does not answer.
        """
        now = time.monotonic()
        if now - self._checked_at < _CHECK_EVERY_S:
            return
        self._checked_at = now
        if self._is_away():
            return
        try:
            known = nodes()
        except ClusterLost:
            self._is_away()  # raises if it died while it was asked
            raise
        # Ray counts a machine as lost whose raylet was stopped for half a minute, and for good.
        if any(node["NodeID"] == self.node and not node["Alive"] for node in known):
            raise ClusterLost(f"{self._named(RAYLET)} did not answer for too long", exit_code=1)
        self._checked_at = self._seen_at = time.monotonic()

    def _is_away(self) -> bool:
        """Return whether nothing listens in the place of a process; raise if for too long."""
        away = [name for name, address in self.addresses.items() if not listens(address)]
        if away and time.monotonic() - self._seen_at >= self.patience_s:
            raise ClusterLost(f"{self._named(away[0])} has died or cannot be reached", exit_code=1)
        return bool(away)

    def _named(self, name: str) -> str:
        host, port = self.addresses[name]
        return f"Ray's {name} ({host}:{port})"
