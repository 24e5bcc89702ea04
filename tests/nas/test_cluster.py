"""``--address``: a search on a cluster that exists."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from nas.cluster_address import find_cluster
from nas.errors import UserError
from nas.run_directory import open_for_reading
from results.candidate import Candidate, State
from search_space.choices import StageChoices
from search_space.space import Space
from search_space.space_file import write_space
from tests.nas.command_line import REPOSITORY, completed
from tests.nas.conftest import Refusal
from tests.nas.ray_machines import ray_machines


def test_a_search_outlives_one_of_two_machines(
    tiny_space: Space, tiny_data_file: Path, tmp_path: Path
) -> None:
    space_file, run = tmp_path / "sent.yaml", tmp_path / "run"
    ours = StageChoices(("mbconv", "fused_mbconv"), (1, 2), (3,), (1, 2, 4))
    sent = StageChoices(("sent", "mbconv"), (1,), (3,), (1, 2))
    space = replace(tiny_space, choices=(ours, sent))
    space_file.write_text(write_space(space))
    script = Path(__file__).with_name("cluster_search.py")
    checkout = tmp_path / "checkout"
    for room in ("nas", "results", "reward", "scaling", "search_space"):
        shutil.copytree(REPOSITORY / room, checkout / room)
    with ray_machines() as machines, (tmp_path / "said").open("w") as said:
        arguments = map(str, (script, checkout, space_file, tiny_data_file, run, machines.address))
        search = subprocess.Popen(
            [sys.executable, *arguments],
            env={**os.environ, "PYTHONPATH": str(checkout)},
            cwd=tmp_path,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        _wait_until_both_have_completed_some(run, search)
        machines.lose(1)
        assert search.wait(timeout=200) == 0, (tmp_path / "said").read_text()
    candidates = [c for c in _candidates(run) if c.state is State.COMPLETE]
    assert len(candidates) == 12 == len(completed(run))
    assert any(c.architecture.stages[1].operator == "sent" for c in candidates)
    assert len({c.worker for c in candidates}) >= 2


def _wait_until_both_have_completed_some(run: Path, search: subprocess.Popen[bytes]) -> None:
    complete: list[Candidate] = []
    while len(complete) < 4 or len({c.worker for c in complete}) < 2:
        assert search.poll() is None
        time.sleep(0.3)
        if (run / "run.json").exists():
            complete = [c for c in _candidates(run) if c.state is State.COMPLETE]


def _candidates(run: Path) -> list[Candidate]:
    _, record = open_for_reading(run)
    with record:
        return record.candidates()


def test_a_cluster_that_wants_a_token_lets_nobody_in_without_it(
    refusal: Refusal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    with ray_machines(1, token="0123456789abcdef" * 4) as machines:
        monkeypatch.setenv("HOME", str(tmp_path))
        run = ("--out", tmp_path / "run", "--address", machines.address)
        message = refusal("search", *run)
        assert "(the cluster requires a token, and there is none here: copy its" in message
        monkeypatch.setenv("RAY_AUTH_TOKEN", "another" * 9)
        message = refusal("train", *run, "--arch", "efficientnet-b0", "--data", "digits")
        assert "the one in RAY_AUTH_TOKEN is another" in message
        assert not (tmp_path / "run").exists()
        monkeypatch.setenv("RAY_AUTH_TOKEN", machines.token)
        assert find_cluster(machines.address).mode == "token"
    with pytest.raises(UserError, match=r"\(nothing answers there: Connection refused\)"):
        find_cluster(machines.address)


def test_what_listens_and_is_not_ray_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(UserError, match=r"what listens there is not a Ray cluster, or"):
            find_cluster(f"127.0.0.1:{port}")


def test_an_address_where_no_cluster_is(
    refusal: Refusal, tiny_space_file: Path, tiny_data_file: Path, tmp_path: Path
) -> None:
    options = ("--space", tiny_space_file, "--data", tiny_data_file, "--out", tmp_path / "run")
    message = refusal("search", *options, "--address", "127.0.0.1:1")
    assert message.startswith("--address: got '127.0.0.1:1'")


_SET_VERSION = """
import json, sys
from ray._common.usage import usage_constants as usage_constant
from ray._common.usage.usage_lib import get_cluster_metadata
from ray._private import ray_constants
from ray._raylet import GcsClient

client = GcsClient(address=sys.argv[1])
metadata = {**get_cluster_metadata(client), "ray_version": sys.argv[2]}
key = usage_constant.CLUSTER_METADATA_KEY
namespace = ray_constants.KV_NAMESPACE_CLUSTER
client.internal_kv_put(key, json.dumps(metadata).encode(), True, namespace)
"""


def test_a_cluster_of_another_ray_is_refused_with_both_versions(
    refusal: Refusal, tmp_path: Path
) -> None:
    with ray_machines(1) as machines:
        subprocess.run(
            [sys.executable, "-c", _SET_VERSION, machines.address, "2.40.0"],
            env={**os.environ, "RAY_AUTH_MODE": "disabled"},
            check=True,
        )
        run = tmp_path / "run"
        message = refusal("search", "--out", run, "--address", machines.address)
    assert re.search(
        r"\(the cluster runs Ray 2\.40\.0 and Python [\d.]+, this machine Ray [\d.]+ and Python "
        r"[\d.]+, which must be the same\)",
        message,
    )
    assert not run.exists()
