"""Leaves a Ray one of whose processes was stopped; a script, run by a test with its name."""

from __future__ import annotations

import signal
import sys

from nas import cluster
from tests.nas.search.search_without_ray import signal_child

if __name__ == "__main__":
    cluster._LEAVING_S = 3
    with cluster.ray_cluster(None, cores=1):
        signal_child(sys.argv[1], signal.SIGSTOP)
    sys.stdout.write("left\n")
