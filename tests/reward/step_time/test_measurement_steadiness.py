"""What disturbed a measurement is told, and chance is not taken for it."""

from __future__ import annotations

import numpy as np
import pytest

from reward.step_time.measurement import FEWEST_PAIRS, unsteadiness


def _noise(seed: int, count: int = 20, scale: float = 0.01) -> list[float]:
    return [float(x) for x in np.random.default_rng(seed).normal(1, scale, count)]


def test_noise_alone_is_steady() -> None:
    mark = [unsteadiness(_noise(seed), _noise(1000 + seed)) for seed in range(300)]
    assert mark == [None] * 300


def test_a_drift_that_both_feel_below_a_tenth_is_steady() -> None:
    slower = [1.0] * 10 + [1.08] * 10
    samples = [2 * drift * noise for drift, noise in zip(slower, _noise(1), strict=True)]
    reference = [drift * noise for drift, noise in zip(slower, _noise(2), strict=True)]
    assert unsteadiness(samples, reference) is None


def test_a_machine_that_throttles() -> None:
    slower = [1.0] * 10 + [1.3] * 10
    samples = [2 * drift * noise for drift, noise in zip(slower, _noise(1), strict=True)]
    reference = [drift * noise for drift, noise in zip(slower, _noise(2), strict=True)]
    assert unsteadiness(samples, reference) in {
        f"the machine became {percent} % slower" for percent in (28, 29, 30, 31, 32)
    }


def test_a_ratio_that_moves() -> None:
    samples = [x * y for x, y in zip([1.0] * 10 + [0.8] * 10, _noise(1), strict=True)]
    mark = unsteadiness(samples, _noise(2))
    assert mark is not None
    assert mark.startswith("its ratio to the reference moved by -")


def test_contention() -> None:
    samples = [1.0, 1.7, 0.6, 1.5, 2.0, 0.9] * 4
    mark = unsteadiness(samples, _noise(2, len(samples)))
    assert mark is not None
    assert mark == "its 24 steps scatter by 47 %"


def test_noise_in_the_fewest_pairs_is_steady() -> None:
    mark = [
        unsteadiness(_noise(seed, FEWEST_PAIRS), _noise(1000 + seed, FEWEST_PAIRS))
        for seed in range(300)
    ]
    assert mark == [None] * 300


def test_scatter_that_many_pairs_make_up_for_is_too_much_for_few() -> None:
    few, many = ([0.9, 1.0, 1.1] * count for count in (3, 50))
    assert unsteadiness(few, [1.0] * len(few)) == "its 9 steps scatter by 15 %"
    assert unsteadiness(many, [1.0] * len(many)) is None


def test_one_stray_pair_of_few_is_steady() -> None:
    assert unsteadiness([1.0, 1.01, 1.0, 1.5, 0.99, 1.0, 1.01], [1.0] * 7) is None


@pytest.mark.parametrize("count", [0, 1, FEWEST_PAIRS - 1])
def test_too_few_pairs_tell_nothing(count: int) -> None:
    samples = ([1.0, 9.0] * count)[:count]
    assert unsteadiness(samples, [1.0] * count) is None
