"""The checks of ``make gpu-check`` that the pretend device can run, so that they run on a GPU."""

from __future__ import annotations

import re

from benchmarks.gpu_check import checks
from benchmarks.gpu_check.__main__ import CHECKS, TABLES


def test_every_part_says_what_it_settles_in_a_line() -> None:
    names = [part.__name__ for part in (*CHECKS, *TABLES)]
    assert len(set(names)) == len(names)
    for part in (*CHECKS, *TABLES):
        assert part.__doc__
        assert re.fullmatch(r"[A-Z`].*\.", part.__doc__.splitlines()[0])


def test_graphs_and_the_cpu_agree() -> None:
    assert "losses within" in checks.same_numbers_as_the_cpu()
    assert checks.graph_against_eager().count("differ by up to 0.0e+00") == 4


def test_a_failed_capture_is_got_over() -> None:
    assert "waits for the GPU" in checks.failed_capture()
