"""Agreement of two trainings' rankings: hand-made cases, brute force, invariance, coverage."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations, permutations
from statistics import fmean

import numpy as np
import pytest
from scipy.stats import kendalltau

from results.agreement import (
    Estimate,
    _Pairs,
    ceiling,
    expected_regret,
    kendall,
    kendall_of_better_half,
    networks_for,
    normal_variance,
)

Statistic = Callable[[Sequence[float], Sequence[float]], Estimate | None]

# Four networks of six pairs, of which the last two are in the wrong order: (5 - 1) / 6.
PROXY, FULL = [0.1, 0.2, 0.4, 0.3], [0.5, 0.6, 0.7, 0.8]


def normals(
    tau: float, networks: int, generator: np.random.Generator
) -> tuple[list[float], list[float]]:
    """Return two normally distributed samples whose tau is expected to be ``tau``."""
    correlation = math.sin(math.pi / 2 * tau)
    first, other = generator.normal(size=(2, networks))
    return (correlation * first + math.sqrt(1 - correlation**2) * other).tolist(), first.tolist()


def found(estimate: Estimate | None) -> Estimate:
    assert estimate is not None
    return estimate


def test_tau_is_the_share_of_pairs_in_order_less_that_in_disorder() -> None:
    assert found(kendall(PROXY, FULL)).value == pytest.approx(4 / 6)
    assert found(kendall(FULL, FULL)).value == pytest.approx(1)
    assert found(kendall(FULL, FULL[::-1])).value == pytest.approx(-1)


def test_ties_count_as_neither() -> None:
    """5 pairs in order, 5 that differ by proxy, 6 that differ in full."""
    estimate = found(kendall([1, 2, 2, 3], [1, 2, 3, 4]))
    assert estimate.value == pytest.approx(5 / math.sqrt(5 * 6))


@pytest.mark.parametrize("seed", range(20))
def test_tau_b_is_that_of_scipy(seed: int) -> None:
    proxy, full = np.random.default_rng(seed).integers(0, 8, size=(2, 9)).astype(float)
    expected = kendalltau(proxy, full).statistic
    assert found(kendall(proxy.tolist(), full.tolist())).value == pytest.approx(expected)


@pytest.mark.parametrize("networks", [4, 7])
def test_the_unbiased_variance_is_that_over_all_quadruples(networks: int) -> None:
    """Without ties: tau's square, less the mean product of two pairs that share no network."""
    proxy, full = normals(0.4, networks, np.random.default_rng(1))
    signs = np.sign(np.subtract.outer(proxy, proxy) * np.subtract.outer(full, full))
    products = [signs[i, j] * signs[k, m] for i, j, k, m in permutations(range(networks), 4)]
    pairs = _Pairs.of(np.array(proxy), np.array(full))
    tau = pairs.tau
    assert tau is not None
    assert pairs.variance(tau) == pytest.approx(tau**2 - fmean(products))


def test_a_network_given_twice_is_left_out_of_the_pairs() -> None:
    """Two copies weigh double, but their own pair is tied in both and does not count."""
    estimate = found(kendall([*PROXY, PROXY[0]], [*FULL, FULL[0]]))
    assert estimate.value == pytest.approx((5 + 3 - 1) / 9)


@pytest.mark.parametrize("statistic", [kendall, kendall_of_better_half])
@pytest.mark.parametrize("seed", range(5))
def test_only_the_order_counts(statistic: Statistic, seed: int) -> None:
    proxy, full = normals(0.7, 25, np.random.default_rng(seed))
    plain = found(statistic(proxy, full))
    assert found(statistic(np.exp(proxy).tolist(), [value**3 for value in full])) == plain
    shuffled = statistic(proxy[::-1], full[::-1])
    assert found(shuffled).low == pytest.approx(plain.low)


@pytest.mark.parametrize("seed", range(5))
def test_tau_is_symmetric_and_changes_its_sign_with_the_order(seed: int) -> None:
    proxy, full = normals(0.6, 15, np.random.default_rng(seed))
    plain, swapped = found(kendall(proxy, full)), found(kendall(full, proxy))
    turned = found(kendall([-value for value in proxy], full))
    assert swapped.value == plain.value
    assert (turned.low, turned.high) == pytest.approx((-plain.high, -plain.low))


@pytest.mark.parametrize("networks", [4, 10, 100])
def test_the_variance_of_normal_values_at_its_ends(networks: int) -> None:
    """Kendall's own for independent values; none where the order is perfect."""
    independent = 2 * (2 * networks + 5) / (9 * networks * (networks - 1))
    assert normal_variance(0.0, networks) == pytest.approx(independent)
    assert normal_variance(1.0, networks) == pytest.approx(0, abs=1e-12)
    assert normal_variance(-0.7, networks) == pytest.approx(normal_variance(0.7, networks))


def test_the_variance_of_normal_values_is_that_of_samples() -> None:
    generator = np.random.default_rng(0)
    values = [found(kendall(*normals(0.7, 12, generator))).value for _ in range(3000)]
    assert np.var(values) == pytest.approx(normal_variance(0.7, 12), rel=0.08)


def test_a_perfect_order_of_few_networks_is_not_certain() -> None:
    short, longer = (found(kendall(range(n), range(n))) for n in (6, 30))
    assert short.high == longer.high == 1
    assert short.low < 0.5 < 0.8 < longer.low < 1


def test_the_better_half_is_that_by_the_full_training() -> None:
    """The worse half is in perfect order, the better one in the wrong order altogether."""
    full = list(range(8))
    proxy = [0, 1, 2, 3, 7, 6, 5, 4]
    assert found(kendall_of_better_half(proxy, full)).value == pytest.approx(-1)
    assert found(kendall_of_better_half([*proxy, 8], [*full, 8])).value == pytest.approx(-2 / 10)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("candidates", [1, 2, 4, 7])
def test_the_regret_is_the_mean_over_all_draws(seed: int, candidates: int) -> None:
    generator = np.random.default_rng(seed)
    proxy = generator.integers(0, 5, 7).astype(float)  # has ties
    full = generator.uniform(0.2, 0.9, 7)
    best, chosen = [], []
    for draw in combinations(range(7), candidates):
        top = max(proxy[i] for i in draw)
        best.append(max(full[i] for i in draw))
        chosen.append(fmean(full[i] for i in draw if proxy[i] == top))
    estimate = found(expected_regret(proxy.tolist(), full.tolist(), candidates))
    assert estimate.value == pytest.approx(max(0, 1 - fmean(chosen) / fmean(best)))
    assert estimate.low <= estimate.value <= estimate.high


def test_a_perfect_proxy_loses_nothing_and_the_worst_one_most() -> None:
    full = [0.5, 0.6, 0.7, 0.8, 0.9]
    assert found(expected_regret(full, full, 3)).value == 0
    turned = found(expected_regret(full[::-1], full, 5))
    assert turned.value == pytest.approx(1 - 0.5 / 0.9)
    assert found(expected_regret(full[::-1], full, 1)).value == pytest.approx(0)


@pytest.mark.parametrize("candidates", [3, 10])
def test_less_agreement_is_more_regret(candidates: int) -> None:
    proxy, full = normals(0.7, 40, np.random.default_rng(3))
    full = [0.7 + 0.02 * value for value in full]
    estimate = found(expected_regret(proxy, full, candidates))
    assert 0 <= estimate.low <= estimate.value < estimate.high < 0.1
    fully = found(expected_regret(full, full, candidates))
    assert fully.high < estimate.high


def test_the_ceiling_is_known_for_normal_values() -> None:
    """Copies with correlation r have tau 2 / pi arcsin(r); here the noise is a fifth: r = 0.8."""
    generator = np.random.default_rng(0)
    true = generator.normal(0.8, 0.04**0.5, 1000)
    full, again = true + generator.normal(0, 0.01**0.5, (2, 1000))
    repeats = list(zip(full.tolist(), again.tolist(), strict=True))
    estimate = found(ceiling(full.tolist(), repeats))
    expected = 2 / math.pi * math.asin(0.8)
    assert estimate.value == pytest.approx(expected, abs=0.03)
    assert estimate.low < expected < estimate.high
    assert estimate.value == pytest.approx(
        found(kendall(full.tolist(), again.tolist())).value, abs=0.03
    )
    few = found(ceiling(full.tolist(), repeats[:2]))
    assert few.half_width > 3 * estimate.half_width


def test_the_ceiling_without_noise_and_with_nothing_but_noise() -> None:
    full = [0.1, 0.2, 0.3, 0.4, 0.5]
    assert ceiling(full, [(0.3, 0.3)]) == Estimate(1, 1, 1)
    assert found(ceiling(full, [(0.1, 0.9), (0.9, 0.1)])).value == 0
    assert ceiling(full, []) is None


def test_how_many_networks_an_interval_needs() -> None:
    estimate = Estimate(0.8, 0.6, 1.0)
    assert estimate.half_width == pytest.approx(0.2)
    assert networks_for(estimate, 20, 0.1) == 80
    assert networks_for(estimate, 20, 0.15) == 36
    assert networks_for(estimate, 20, 0.5) == 20
    with pytest.raises(ValueError, match="half_width: got 0, must be above 0"):
        networks_for(estimate, 20, 0)


@pytest.mark.parametrize("statistic", [kendall, kendall_of_better_half])
def test_too_few_networks_or_equal_values_have_no_tau(statistic: Statistic) -> None:
    assert statistic([1, 2, 3], [1, 2, 3]) is None
    assert statistic([1.0] * 9, list(range(9))) is None
    assert statistic([], []) is None


def test_the_better_half_needs_seven_networks() -> None:
    assert kendall_of_better_half(range(6), range(6)) is None
    assert kendall_of_better_half(range(7), range(7)) is not None


def test_no_regret_of_more_candidates_than_networks_or_of_negative_values() -> None:
    assert expected_regret(PROXY, FULL, 5) is None
    assert expected_regret(PROXY, [-0.1, *FULL[1:]], 2) is None
    with pytest.raises(ValueError, match="candidates: got 0, must be 1 or more"):
        expected_regret(PROXY, FULL, 0)


@pytest.mark.parametrize("statistic", [kendall, kendall_of_better_half])
def test_bad_values_are_refused_in_one_line(statistic: Statistic) -> None:
    with pytest.raises(ValueError, match=r"^proxy: got 2 values, must be as many as .* full, 3$"):
        statistic([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match=r"^full: got nan, must be finite$"):
        statistic([1, 2], [1, math.nan])
    with pytest.raises(ValueError, match=r"^proxy: got inf, must be finite$"):
        statistic([1, math.inf], [1, 2])
    with pytest.raises(ValueError, match=r"^repeats: got nan, must be finite$"):
        ceiling(FULL, [(0.1, math.nan)])


@pytest.mark.parametrize("tau", [0.0, 0.8, 0.95])
@pytest.mark.parametrize("networks", [10, 20])
def test_the_interval_holds_the_true_tau(tau: float, networks: int) -> None:
    """300 draws; the standard error of a coverage of 95 % is then 1.3 %."""
    generator = np.random.default_rng([networks, round(100 * tau)])
    held = 0
    for _ in range(300):
        estimate = found(kendall(*normals(tau, networks, generator)))
        held += estimate.low <= tau <= estimate.high
    assert 0.91 <= held / 300 <= 0.99
