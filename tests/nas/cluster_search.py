"""A search on a Ray cluster of two nodes, one of which is lost half-way; a script, run by a test.

The checkout that it runs from is a copy, and is deleted once Ray has the code: what the nodes
import has come to them through Ray.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from pathlib import Path

import ray
from ray.cluster_utils import Cluster
from torch import nn

from nas.search.prepare import SearchRequest, prepare
from nas.search.run import run_search
from results.candidate import Candidate, State
from results.record import Record
from search_space.architecture import Block
from search_space.operators import OPERATORS, mbconv

MEETING = Path()
"""A folder in which each worker leaves a file."""


def sent(block: Block) -> nn.Module:
    """MBConv, where our code has come to the worker through Ray and not from a checkout."""
    import search_space

    where = next(iter(search_space.__path__))
    if "runtime_resources" not in where:
        raise ImportError(f"search_space is from {where}")
    # One of the two nodes is removed when both have done some: wait for both.
    (MEETING / str(os.getpid())).touch()
    while len(list(MEETING.iterdir())) < 2:
        time.sleep(0.05)
    time.sleep(0.3)
    return mbconv(block)


def delete_once_sent(checkout: str) -> None:
    """Ray sends the code before it counts as initialized."""
    while not ray.is_initialized():
        time.sleep(0.01)
    shutil.rmtree(checkout)


def main(checkout: str, space: str, data: str, out: str) -> None:
    """Search until twelve candidates are complete; remove a node once both have done some."""
    global MEETING
    MEETING = Path(out).with_name("meeting")
    MEETING.mkdir()
    OPERATORS["sent"] = sent
    # Workers look first where the driver looks. On another machine there would be nothing; on this
    # one there is the checkout that is installed into this environment.
    sys.path[:] = [path for path in sys.path if not (Path(path) / "search_space").is_dir()]
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    second = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    request = SearchRequest(data=data, space=space, out=Path(out), budget=12, epochs=1)
    prepared = prepare(request)

    def lose_a_node() -> None:
        with Record.read(prepared.run.url, prepared.run.run_id) as record:
            complete: list[Candidate] = []
            while len(complete) < 4 or len({candidate.worker for candidate in complete}) < 2:
                time.sleep(0.1)
                complete = [c for c in record.candidates() if c.state is State.COMPLETE]
        cluster.remove_node(second, allow_graceful=False)

    threading.Thread(target=lose_a_node, daemon=True).start()
    threading.Thread(target=delete_once_sent, args=(checkout,), daemon=True).start()
    with prepared:
        run_search(prepared, address=cluster.address)
    cluster.shutdown()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main(*sys.argv[1:])
