"""The seed of a candidate."""

from __future__ import annotations

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from nas.search.samplers.domain import candidate_seed
from tests.nas.command_line import environment


@given(run_seed=st.integers(0, 2**31 - 1), number=st.integers(0, 10**6))
def test_a_seed_is_valid_for_every_generator(run_seed: int, number: int) -> None:
    assert 0 <= candidate_seed(run_seed, number) < 2**31


def test_seeds_differ_between_candidates_and_between_runs() -> None:
    seeds = {candidate_seed(run, number) for run in range(30) for number in range(100)}
    assert len(seeds) == 3000
    assert candidate_seed(1, 23) != candidate_seed(12, 3)


def test_a_seed_is_the_same_in_every_process() -> None:
    """It is the same in every release too, so that a run can be resumed."""
    assert [candidate_seed(0, 0), candidate_seed(7, 199)] == [867600841, 509767563]
    command = "from nas.search.samplers.domain import candidate_seed; print(candidate_seed(7, 199))"
    done = subprocess.run(
        [sys.executable, "-c", command],
        check=True,
        capture_output=True,
        text=True,
        env={**environment(), "PYTHONHASHSEED": "5"},
    )
    assert int(done.stdout) == candidate_seed(7, 199)
