"""Readers of files that anyone may have made end with a result or one line, never a traceback."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.fuzzing import MOST_BYTES, MOST_S, fuzz, targets
from tests.value_fuzzing import files, refusal_of, replaced, sampled

TARGETS = targets()


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize(
    ("count", "seed"), [(60, 1), pytest.param(2000, 0, marks=pytest.mark.slow)]
)
def test_mutated_inputs(name: str, count: int, seed: int, tmp_path: Path) -> None:
    outcome = fuzz(TARGETS[name], count, tmp_path, seed)
    print(f"{name}: {dict(outcome.ends)}, longest {outcome.longest_s:.2f} s")  # noqa: T201
    assert outcome.longest_s < MOST_S
    assert outcome.growth_bytes < MOST_BYTES
    assert outcome.ends.total() == count


FILES = ("architecture", "space", "run.json", "bench", "training", "settings", "candidate")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("most", [60, pytest.param(10**6, marks=pytest.mark.slow)])
def test_replaced_values(name: str, most: int, tmp_path: Path) -> None:
    content, write, check = files(tmp_path)[name]
    write(content)
    check()
    for place, changed in sampled(replaced(content), most):
        write(changed)
        started = time.monotonic()
        said = refusal_of(check, place)
        assert "\n" not in said, place
        assert len(said) < 1000, place
        assert time.monotonic() - started < MOST_S, place
