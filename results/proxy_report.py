"""How far short trainings rank networks as long ones do: the result of a run of ``nas proxy``.

Each network of such a run is trained by the proxy, at the run's own fidelity, and in full. Some are
trained twice by both, with other seeds. Further fidelities may be tried, and those of fewer epochs
are read off the proxy's learning curves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from results.agreement import (
    Estimate,
    ceiling,
    expected_regret,
    kendall,
    kendall_of_better_half,
    networks_for,
)
from results.best_of import expected_best
from results.candidate import FULL, PROXY, Candidate, State
from results.comparison import Comparison
from results.ranking import reward, reward_at, seed_deviation
from reward.objective import Objective

ENOUGH = 0.5
"""The tau from which a search is worth starting: three of four pairs are in the right order."""
_AS_GOOD = 0.05  # a fidelity whose tau is at most so much lower would do as well
_FEWEST_PLANNED_WIDTH = 0.1  # the half-width that a search of more networks is said to need


@dataclass(frozen=True)
class Values:
    """A network's results at one fidelity: reward and accuracy, and the seconds of training."""

    reward: float
    accuracy: float
    seconds: float


@dataclass(frozen=True)
class Agreement:
    """How well one fidelity agrees with full training, over the networks that have both.

    ``reward`` and ``accuracy`` are Kendall's tau, ``better_half`` is that of rewards within the
    half of the networks that is better in full. ``regret`` is the share of the full reward that is
    lost by taking the best of half as many networks by this fidelity. None where there are too few.
    ``seconds`` of training a network takes on average.
    """

    name: str
    networks: int
    seconds: float
    reward: Estimate | None
    accuracy: Estimate | None
    better_half: Estimate | None
    regret: Estimate | None

    @property
    def per_minute(self) -> float | None:
        """The rewards' tau by minutes of training a network."""
        return (
            None
            if self.reward is None or not self.seconds
            else 60 * self.reward.value / self.seconds
        )


@dataclass(frozen=True)
class ProxyReport:
    """The result of a comparison so far.

    ``networks`` have a full training; ``points`` are their results at each fidelity, by number.
    ``curve`` are the agreements of the proxy's earlier epochs, ``tried`` those of the tried
    fidelities. The ceilings are the tau that another full training would reach. ``repeated``
    networks were trained twice in full. The deviations are those between seeds, of the rewards.
    """

    proxy: Agreement
    full_seconds: float
    curve: tuple[Agreement, ...]
    tried: tuple[Agreement, ...]
    reward_ceiling: Estimate | None
    accuracy_ceiling: Estimate | None
    repeated: int
    regret_of: int
    regret_by_chance: float | None
    proxy_deviation: float | None
    full_deviation: float | None
    points: Mapping[int, Mapping[str, Sequence[Values]]]
    precision: float | None = None

    @property
    def networks(self) -> int:
        """How many networks have been trained by the proxy and in full."""
        return self.proxy.networks

    @cached_property
    def cheaper(self) -> Agreement | None:
        """The fidelity that takes least time of those whose tau is about the proxy's or above.

        None unless a search with the proxy itself is worth starting for certain.
        """
        own = self.proxy.reward
        if own is None or not self.is_worth:
            return None
        least = max(own.value - _AS_GOOD, ENOUGH)
        as_good = [
            each
            for each in (*self.curve, *self.tried)
            if each.networks == self.networks
            and each.reward is not None
            and each.reward.value >= least
            and each.seconds < 0.9 * self.proxy.seconds
        ]
        return min(as_good, key=lambda each: each.seconds, default=None)

    @property
    def is_worth(self) -> bool | None:
        """Whether a search with this proxy is worth starting; None while that is not certain."""
        tau = self.proxy.reward
        if tau is None or tau.low < ENOUGH <= tau.high:
            return None
        return tau.low >= ENOUGH

    @property
    def is_precise(self) -> bool:
        """Whether tau is as precise as was asked for."""
        tau = self.proxy.reward
        return self.precision is not None and tau is not None and tau.half_width <= self.precision

    def more(self) -> tuple[int, float] | None:
        """Return how many networks more would make tau as precise, and their hours of training.

        That is as precise as was asked for, else +-0.1; None if it is already, or not known.
        """
        tau, wanted = self.proxy.reward, self.precision or _FEWEST_PLANNED_WIDTH
        if tau is None or tau.half_width <= wanted:
            return None
        more = networks_for(tau, self.networks, wanted) - self.networks
        seconds = self.full_seconds + self.proxy.seconds + sum(t.seconds for t in self.tried)
        return more, more * seconds / 3600


def find_report(
    candidates: Iterable[Candidate], comparison: Comparison, objective: Objective
) -> ProxyReport:
    """Return the result of the comparison by the run's candidates so far."""
    candidates = list(candidates)
    points = _points(candidates, objective)
    pairs = {n: values for n, values in points.items() if FULL in values and PROXY in values}
    firsts = {c.number: c for c in candidates if c.number in pairs}
    full = {n: values[FULL][0] for n, values in pairs.items()}
    proxy = {n: values[PROXY][0] for n, values in pairs.items()}
    twice = [(each[FULL][0], each[FULL][1]) for each in pairs.values() if len(each[FULL]) > 1]
    rewards = [values.reward for values in full.values()]
    accuracies = [values.accuracy for values in full.values()]
    count = max(1, len(pairs) // 2)
    return ProxyReport(
        proxy=_agreement(PROXY, proxy, full),
        full_seconds=fmean(values.seconds for values in full.values()) if full else 0.0,
        curve=_curve(firsts, full, objective),
        tried=tuple(
            _agreement(name, {n: v[name][0] for n, v in pairs.items() if name in v}, full)
            for name in comparison.tried
        ),
        reward_ceiling=ceiling(rewards, [(a.reward, b.reward) for a, b in twice]),
        accuracy_ceiling=ceiling(accuracies, [(a.accuracy, b.accuracy) for a, b in twice]),
        repeated=len(twice),
        regret_of=count,
        regret_by_chance=_by_chance(rewards, count),
        proxy_deviation=_seed_deviation(points, PROXY),
        full_deviation=_seed_deviation(points, FULL),
        points=points,
        precision=comparison.precision,
    )


def _points(
    candidates: Sequence[Candidate], objective: Objective
) -> dict[int, dict[str, list[Values]]]:
    """Return the results by network and fidelity; the proxy's first one comes first."""
    points: dict[int, dict[str, list[Values]]] = defaultdict(lambda: defaultdict(list))
    for candidate in sorted(candidates, key=lambda c: (c.confirms is not None, c.number)):
        value = reward(candidate, objective)
        if candidate.state is not State.COMPLETE or value is None or candidate.is_backbone:
            continue
        if candidate.confirms is None or candidate.fidelity is not None:
            number = candidate.number if candidate.confirms is None else candidate.confirms
            seconds = candidate.curve[-1].elapsed_s if candidate.curve else 0.0
            values = Values(value, candidate.accuracy or 0.0, seconds)
            points[number][candidate.fidelity or PROXY].append(values)
    return {number: dict(values) for number, values in sorted(points.items())}


def _agreement(name: str, values: Mapping[int, Values], full: Mapping[int, Values]) -> Agreement:
    numbers = [n for n in values if n in full]
    short, long = ([each[n] for n in numbers] for each in (values, full))
    rewards = [v.reward for v in short], [v.reward for v in long]
    accuracies = [v.accuracy for v in short], [v.accuracy for v in long]
    return Agreement(
        name=name,
        networks=len(numbers),
        seconds=fmean(v.seconds for v in short) if short else 0.0,
        reward=kendall(*rewards),
        accuracy=kendall(*accuracies),
        better_half=kendall_of_better_half(*rewards),
        regret=expected_regret(*rewards, max(1, len(numbers) // 2)) if numbers else None,
    )


def _curve(
    firsts: Mapping[int, Candidate], full: Mapping[int, Values], objective: Objective
) -> tuple[Agreement, ...]:
    """Return the agreement after each epoch of the proxy but the last."""
    epochs = min((len(candidate.curve) for candidate in firsts.values()), default=0)
    agreements = []
    for epoch in range(1, epochs):
        values = {}
        for number, candidate in firsts.items():
            point = candidate.curve[epoch - 1]
            value = reward_at(candidate, point.accuracy, objective)
            if value is not None:
                values[number] = Values(value, point.accuracy, point.elapsed_s)
        agreements.append(_agreement(f"epochs={epoch}", values, full))
    return tuple(agreements)


def _seed_deviation(
    points: Mapping[int, Mapping[str, Sequence[Values]]], name: str
) -> float | None:
    """Return the standard deviation of a network's rewards between seeds, at one fidelity."""
    groups = (values[name] for values in points.values() if name in values)
    return seed_deviation([[each.reward for each in group] for group in groups])


def _by_chance(rewards: Sequence[float], count: int) -> float | None:
    """Return the share of the reward that is lost by taking any of ``count`` networks."""
    if len(rewards) < 2:
        return None
    best = expected_best(rewards, count)
    return 1 - fmean(rewards) / best if best > 0 else None
