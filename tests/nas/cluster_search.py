"""A search on a Ray cluster of two machines, one of which a test kills; a script, run by the test.

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
from torch import nn

from nas.search.prepare import prepare
from nas.search.request import SearchRequest
from nas.search.run import run_search
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
    # One of the two machines is killed when both have done some: wait for both.
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


def main(checkout: str, space: str, data: str, out: str, address: str) -> None:
    """Search until twelve candidates are complete."""
    global MEETING
    MEETING = Path(out).with_name("meeting")
    MEETING.mkdir()
    OPERATORS["sent"] = sent
    # Workers look first where the driver looks. On another machine there would be nothing; on this
    # one there is the checkout that is installed into this environment.
    sys.path[:] = [path for path in sys.path if not (Path(path) / "search_space").is_dir()]
    request = SearchRequest(data=data, space=space, out=Path(out), budget=12, epochs=1)
    prepared = prepare(request)
    threading.Thread(target=delete_once_sent, args=(checkout,), daemon=True).start()
    with prepared:
        run_search(prepared, address=address)


if __name__ == "__main__":
    main(*sys.argv[1:])
