"""How far a cheap training ranks networks as a long one does, with 95 % intervals.

``proxy`` and ``full`` are two sequences of n finite values, larger is better: the rewards, or the
accuracies, that the same n networks have after a cheap and after a long training. The networks are
taken as a random sample of their space, and each interval is for the whole space. How often each
interval holds the true value is measured by ``python -m benchmarks.agreement``.

*Tau* is Kendall's tau-b. Without ties it is the share of pairs that both trainings order alike,
less the share that they order differently. A pair that is tied in one counts as neither, and a
pair that is tied in both is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from results.best_of import best_chances, expected_best
from results.noise import Z_95

FEWEST = 4  # networks; the variance of tau is estimated from pairs of pairs

_PRIOR = 20  # networks that the variance of normally distributed values counts for, beside ours
_MOST_SCALE = 4.0  # the sample's variance over that of normally distributed values, at most
_SEED_DEGREES = 2 / 3  # per degree of freedom, as seeds vary more in some networks than in others
_QUADRATURE = 400  # points over the distribution of the best of k
_BISECTIONS = 50

# Tau of a normal copula, and within the half that is better by one of the two: both by simulation,
# to 0.005, and odd.
_TAU = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 1.0)
_TAU_OF_BETTER_HALF = (
    *(0.0, 0.06, 0.12, 0.19, 0.26, 0.335, 0.425, 0.535),
    *(0.66, 0.733, 0.815, 0.905, 0.961, 1.0),
)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval, from ``low`` to ``high``."""

    value: float
    low: float
    high: float

    @property
    def parts(self) -> tuple[float, float, float]:
        """The value and the ends of its interval."""
        return self.value, self.low, self.high

    @property
    def half_width(self) -> float:
        """Half of the interval's width."""
        return (self.high - self.low) / 2


def kendall(proxy: Sequence[float], full: Sequence[float]) -> Estimate | None:
    """Return tau, in [-1, 1]; None below 4 networks, or where all values of one training are equal.

    The interval holds each tau0 from which the sample's is less than 1.96 standard errors away.
    As in Wilson's interval of a share, the standard error is that at tau0, so the interval is also
    right near 1, where the sample itself varies too little or not at all. It is the standard error
    for normally distributed values (Esscher 1924), scaled up where the unbiased variance of the
    sample's tau is larger; in this scale the normal distribution counts for 20 networks.

    Raises:
        ValueError: the lengths differ, or a value is not finite.
    """
    values = _checked(proxy, full)
    pairs = _Pairs.of(*values)
    tau = pairs.tau
    if len(proxy) < FEWEST or tau is None:
        return None
    return _with_interval(tau, len(proxy), pairs.variance(tau))


def kendall_of_better_half(proxy: Sequence[float], full: Sequence[float]) -> Estimate | None:
    """Return tau within the half of the networks that is better by ``full``, as :func:`kendall`.

    There a search decides. An odd number's half is rounded up. Which networks belong to it is
    itself a matter of the sample: the border between the halves varies, and that is added to the
    variance. None if the half has fewer than 4 networks, or equal values only.

    Raises:
        ValueError: the lengths differ, or a value is not finite.
    """
    cheap, long = _checked(proxy, full)
    half = (len(long) + 1) // 2
    order = np.argsort(-long, kind="stable")
    better = _Pairs.of(cheap[order[:half]], long[order[:half]])
    tau = better.tau
    if half < FEWEST or tau is None:
        return None

    # Its mean over pairs that hold a network at the border, which a better sample might leave out.
    near = max(1, half // 5)
    signs = _signs(cheap[order]) * _signs(long[order])
    border = signs[half - near : half + near, :half]
    at_border = border.sum() / max(1.0, np.abs(border).sum())
    variance = better.variance(tau) + 4 * (tau - at_border) ** 2 / len(long)
    return _with_interval(tau, half, variance)


def expected_regret(
    proxy: Sequence[float], full: Sequence[float], candidates: int
) -> Estimate | None:
    """Return the share of the full value that is lost by selecting by proxy, in [0, 1].

    ``candidates`` networks are drawn from these. The loss is how far the full value of the best by
    proxy is below that of the best in full. Its mean over all draws is exact, relative to the mean
    of the best in full; where networks are tied in ``proxy``, each of them is selected as often.

    The interval is where that of tau leads, as if proxy and full were joined by a normal copula,
    with the full values that are here. It is tau of the better half, in which the best ones are;
    below 7 networks that of all. None where tau is, with fewer networks than candidates, and where
    a full value is below 0, as a share then says nothing.

    Raises:
        ValueError: the lengths differ, a value is not finite, or ``candidates`` is below 1.
    """
    cheap, long = _checked(proxy, full)
    if candidates < 1:
        raise ValueError(f"candidates: got {candidates}, must be 1 or more")
    taus = _copula_taus(proxy, full)
    if taus is None or candidates > len(long) or long.min() < 0:
        return None
    chosen = _expected_choice(cheap, long, candidates)
    value = max(0.0, 1 - chosen / expected_best(long.tolist(), candidates))
    low, high = (_copula_regret(tau, long, candidates) for tau in reversed(taus))
    return Estimate(value, min(low, value), max(high, value))


def ceiling(full: Sequence[float], repeats: Sequence[tuple[float, float]]) -> Estimate | None:
    """Return the tau that a second long training with other seeds would reach, in [0, 1].

    No proxy can be expected to rank better. ``repeats`` are pairs of long trainings of one network
    each. They give the variance between seeds; taken off that of ``full``, it leaves the variance
    of the networks' true values. These are the values of ``full``, drawn together as far. The
    interval is that of the ratio of the two variances, by the F distribution with two thirds of its
    degrees of freedom: with few repeats it is wide. It is for noise that is normally distributed,
    and holds the true value less often than 95 %. None without repeats, below 4 networks, or where
    all are equal.

    Raises:
        ValueError: a value is not finite.
    """
    values = _finite(full, "full")
    pairs = _finite(repeats, "repeats").reshape(-1, 2)
    if len(values) < FEWEST or not len(pairs) or np.ptp(values) == 0:
        return None
    from scipy.special import fdtri

    total = float(values.var(ddof=1))
    share = float((np.diff(pairs) ** 2).mean()) / 2 / total
    degrees = _SEED_DEGREES * len(pairs), _SEED_DEGREES * (len(values) - 1)
    low, high = (share / float(fdtri(*degrees, chance)) for chance in (0.975, 0.025))
    middle, top, bottom = (_tau_of_copies(values, total, each) for each in (share, low, high))
    return Estimate(middle, bottom, top)


def networks_for(estimate: Estimate, networks: int, half_width: float) -> int:
    """Return how many networks in all bring the interval to a half-width.

    ``networks`` gave the estimate. Intervals narrow as 1 / sqrt(n).

    Raises:
        ValueError: ``half_width`` is not above 0.
    """
    if not half_width > 0:
        raise ValueError(f"half_width: got {half_width}, must be above 0")
    needed = networks * (estimate.half_width / half_width) ** 2
    return max(networks, math.ceil(needed - 1e-9))


@dataclass(frozen=True)
class _Pairs:
    """All ordered pairs of n networks, each (n, n) with a zero diagonal.

    ``agreement`` is 1 where both trainings order the two alike, -1 where they do not, and 0 in a
    tie. ``differs`` is 1 where the training, the proxy or the full one, is not tied.
    """

    agreement: Array
    differs: tuple[Array, Array]

    @classmethod
    def of(cls, proxy: Array, full: Array) -> _Pairs:
        signs = _signs(proxy), _signs(full)
        return cls(signs[0] * signs[1], (np.abs(signs[0]), np.abs(signs[1])))

    @property
    def tau(self) -> float | None:
        """Tau-b; None if all values of one training are equal."""
        untied = math.sqrt(self.differs[0].sum() * self.differs[1].sum())
        return float(self.agreement.sum() / untied) if untied else None

    def variance(self, tau: float) -> float:
        """Return the unbiased variance of tau as a U-statistic, linear in its ties.

        A U-statistic's variance is the mean of its square less that of products of disjoint pairs.
        The kernel here has the mean 0, so only the disjoint products are left: of all products,
        those that share one network or two are taken off.
        """
        n = len(self.agreement)
        sums = [float(differs.sum()) for differs in self.differs]
        ties = sum(differs / total for differs, total in zip(self.differs, sums, strict=True))
        kernel = self.agreement / math.sqrt(sums[0] * sums[1]) - tau / 2 * ties
        of_each = kernel.sum(axis=1)
        disjoint = 2 * (kernel**2).sum() - 4 * (of_each**2).sum()
        scale = n * (n - 1) / ((n - 2) * (n - 3))
        return float(-disjoint * scale)


def _signs(values: Array) -> Array:
    """Return the sign of each difference, (n, n)."""
    return np.sign(values[:, None] - values[None, :])


def _with_interval(tau: float, networks: int, variance: float) -> Estimate:
    """Return tau with its interval; ``variance`` is the sample's, which scales up the normal's."""
    normal = normal_variance(tau, networks)
    ratio = variance / normal if normal > 1e-9 else 1.0
    scale = (_PRIOR + networks * ratio) / (_PRIOR + networks)
    scale = min(_MOST_SCALE, max(1.0, scale))

    def is_within(other: float) -> bool:
        return (tau - other) ** 2 <= Z_95**2 * scale * normal_variance(other, networks)

    return Estimate(tau, _end(is_within, tau, -1.0), _end(is_within, tau, 1.0))


def _end(is_within: Callable[[float], bool], inside: float, outside: float) -> float:
    """Return where, between a tau and an end of the scale, the interval ends."""
    for _ in range(_BISECTIONS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if is_within(middle) else (inside, middle)
    return outside


def normal_variance(tau: float, networks: int) -> float:
    """Return the variance of the sample's tau if the values are normally distributed.

    Source: Esscher, Skandinavisk Aktuarietidskrift 7 (1924); Kendall and Gibbons, Rank Correlation
    Methods, chapter 10.
    """
    correlation = math.sin(math.pi / 2 * tau)
    triple = 2 / math.pi * math.asin(correlation / 2)
    of_triples = max(0.0, 1 / 9 - triple**2)
    return 2 / (networks * (networks - 1)) * (1 - tau**2 + 2 * (networks - 2) * of_triples)


def _expected_choice(proxy: Array, full: Array, candidates: int) -> float:
    """Return the mean full value of the best by proxy of so many candidates."""
    order = np.argsort(proxy, kind="stable").tolist()
    chances = best_chances(len(order), candidates)
    total = 0.0
    for _, tied in groupby(zip(order, chances, strict=True), key=lambda pair: proxy[pair[0]]):
        group = list(tied)
        total += sum(chance for _, chance in group) * fmean(full[place] for place, _ in group)
    return total


def _copula_taus(proxy: Sequence[float], full: Sequence[float]) -> tuple[float, float] | None:
    """Return the ends of the interval of a normal copula's tau, by the better half."""
    whole, better = kendall(proxy, full), kendall_of_better_half(proxy, full)
    if better is None:
        return None if whole is None else (whole.low, whole.high)
    low, high = (
        math.copysign(float(np.interp(abs(end), _TAU_OF_BETTER_HALF, _TAU)), end)
        for end in (better.low, better.high)
    )
    return low, high


def _copula_regret(tau: float, full: Array, candidates: int) -> float:
    """Return the regret if proxy and full are joined by a normal copula.

    The proxy's best is at a normal quantile y, known by its distribution; the full value's quantile
    is then r y + sqrt(1 - r^2) e, with a standard normal e.
    """
    from scipy.special import ndtr, ndtri

    correlation = math.sin(math.pi / 2 * tau)
    ordered = np.sort(full)
    shares = np.arange(1, len(ordered)) / len(ordered)
    best = float(np.diff(shares**candidates, prepend=0, append=1) @ ordered)
    heights = ndtri(((np.arange(_QUADRATURE) + 0.5) / _QUADRATURE) ** (1 / candidates))
    spread = math.sqrt(max(1e-12, 1 - correlation**2))
    below = ndtr((ndtri(shares)[:, None] - correlation * heights) / spread).mean(axis=1)
    chosen = float(np.diff(below, prepend=0, append=1) @ ordered)
    return max(0.0, 1 - chosen / best)


def _tau_of_copies(values: Array, total: float, share: float) -> float:
    """Return tau between two noisy copies of true values.

    ``values`` are one noisy copy with variance ``total``, of which the noise makes up ``share``. A
    copy orders two networks rightly with a probability p that follows from their difference; two
    copies order them alike with p^2 + (1 - p)^2.
    """
    if share <= 0:
        return 1.0
    from scipy.special import erf

    apart = math.sqrt(max(0.0, 1 - share)) * (values[:, None] - values[None, :])
    differences = apart[np.triu_indices(len(values), 1)]
    return float((erf(differences / (2 * math.sqrt(share * total))) ** 2).mean())


def _checked(proxy: Sequence[float], full: Sequence[float]) -> tuple[Array, Array]:
    if len(proxy) != len(full):
        raise ValueError(
            f"proxy: got {len(proxy)} values, must be as many as those of full, {len(full)}"
        )
    return _finite(proxy, "proxy"), _finite(full, "full")


def _finite(values: Sequence[float] | Sequence[tuple[float, float]], name: str) -> Array:
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: got {array[~np.isfinite(array)][0]}, must be finite")
    return array
