"""Whether Ray's own processes live, told without Ray."""

from __future__ import annotations

import socket

import pytest

from nas import cluster_pulse
from nas.cluster_pulse import CONTROL, Pulse
from nas.errors import ClusterLost


def test_a_process_that_dies_while_it_is_asked_has_died(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    pulse = Pulse("node", {CONTROL: listener.getsockname()}, patience_s=0.0)

    def die() -> None:
        listener.close()
        raise ClusterLost("has not answered")

    monkeypatch.setattr(cluster_pulse, "nodes", die)
    with pytest.raises(ClusterLost, match=r"control process \(GCS\) .* has died or cannot be"):
        pulse.check()


def test_a_process_that_listens_and_does_not_answer_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def hang() -> None:
        raise ClusterLost("has not answered")

    monkeypatch.setattr(cluster_pulse, "nodes", hang)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        pulse = Pulse("node", {CONTROL: listener.getsockname()}, patience_s=0.0)
        with pytest.raises(ClusterLost, match="has not answered"):
            pulse.check()
