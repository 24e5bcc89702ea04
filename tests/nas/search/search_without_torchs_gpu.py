"""A search in a Ray that counts a GPU where torch has none; a script that prints the error last."""

from __future__ import annotations

import sys
from unittest.mock import patch

from nas.cluster import ray_cluster
from nas.data.load import load_search_data
from nas.errors import UserError
from nas.search.evaluator import EvaluationSettings
from nas.search.ray_backend import run_candidates
from nas.training.recipes import proxy
from search_space.spaces import small
from tests.nas.search.test_ray_backend import ENDS, Fixed


def main() -> None:
    """Search until it is refused."""
    settings = EvaluationSettings(load_search_data("digits"), small().backbone, proxy())
    try:
        with patch("nas.cluster.visible_gpus", lambda: 1), ray_cluster(None, cores=1) as joined:
            assert joined.has_gpus
            run_candidates(Fixed([ENDS]), settings, joined, 1, print)
    except UserError as error:
        sys.stdout.write(f"{error}\n")


if __name__ == "__main__":
    main()
