"""The model-based sampler: parameters are counted exactly, accuracy and step time are learnt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, median

import numpy as np

from nas.search.earlier_runs import EarlierRun
from nas.search.samplers.base import Observation, PointSampler, SamplerState
from nas.search.samplers.domain import Domain, Key, SpaceExhausted
from nas.search.samplers.model.earlier import EarlierModels
from nas.search.samplers.model.surrogate import Features, Floats, Surrogates, fit_surrogates
from reward.objective import Objective, Own, Targeted
from search_space.space import Point

STARTUP_CANDIDATES = 8  # complete ones, before the model is used
INFORMED_STARTUP_CANDIDATES = 4  # the same, where there are earlier runs to learn from
_RANDOM_POINTS = 400
_BEST = 5  # points whose neighbours are examined
_CLIMB_STEPS = 3

# Nodes and weights of the mean over a standard normal distribution (Gauss-Hermite quadrature).
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


class ModelSampler(PointSampler):
    """Proposes the point with the highest expected improvement of the reward.

    Gaussian processes predict accuracy and step time from the choices and the parameters of each
    stage (:mod:`nas.search.samplers.model.surrogate`). The highest :class:`Acquisition` is searched
    among random points and the neighbours of the best networks, followed by a few steps of hill
    climbing. Proposals are random until eight candidates are complete.

    With ``earlier`` runs, every other one of the first proposals is what the model of an earlier
    run predicts to have the highest reward, the others are random. From four complete candidates
    on, the predictions contain those of the earlier runs, with a weight that is learnt
    (:mod:`nas.search.samplers.model.earlier`).
    """

    def __init__(
        self,
        domain: Domain,
        objective: Objective,
        max_step_time: float | None = None,
        earlier: Sequence[EarlierRun] = (),
    ) -> None:
        super().__init__(domain)
        self._objective = objective
        self._max_step_time = max_step_time
        self._features = Features(domain)
        self._earlier = EarlierModels(self._features, earlier) if earlier else None
        self._startup = INFORMED_STARTUP_CANDIDATES if earlier else STARTUP_CANDIDATES

    def propose(self, state: SamplerState) -> Point:
        """Return a random point at first, later the one with the highest acquisition found."""
        timed = [trial for trial in state.history if trial.step_time]
        trained = [trial for trial in timed if trial.curve and trial.value is not None]
        if sum(trial.is_complete for trial in trained) < self._startup:
            return self._first(timed, trained, state)
        fit = fit_surrogates if self._earlier is None else self._earlier.fit
        acquisition = self._acquisition(fit(self._features, timed, state.running), timed)
        incumbent = acquisition.incumbent([trial.point for trial in trained])
        return self._highest(acquisition, incumbent, trained, state)

    def _first(
        self, timed: list[Observation], trained: list[Observation], state: SamplerState
    ) -> Point:
        """Return a random point, or in turn the best one by the model of an earlier run.

        A target in seconds has no meaning before a backbone is timed on this device.
        """
        begun = len(state.history) + len(state.running)
        is_in_seconds = isinstance(self._objective, Targeted) and self._objective.is_in_seconds
        if self._earlier is None or begun % 2 or (is_in_seconds and not timed):
            return self.domain.uniform(state.generator)
        models = self._earlier.of_runs
        acquisition = self._acquisition(models[begun // 2 % len(models)], timed)
        return self._highest(acquisition, None, trained, state)

    def _highest(
        self,
        acquisition: Acquisition,
        incumbent: float | None,
        trained: list[Observation],
        state: SamplerState,
    ) -> Point:
        """Return the open point with the highest acquisition that is found.

        Without an ``incumbent`` it is the one with the highest expected reward.
        """
        pool = self._initial_pool(trained, state)
        incumbent = acquisition.lowest(pool) if incumbent is None else incumbent
        scores = acquisition(pool, incumbent)
        for _ in range(_CLIMB_STEPS if self.domain.points is None else 0):
            top = [pool[i] for i in np.argsort(-scores, kind="stable")[:_BEST]]
            pool_keys = {self.domain.key(point) for point in pool}
            neighbours = self._open_neighbours(top, pool_keys, state)
            if not neighbours:
                break
            pool += neighbours
            scores = np.concatenate([scores, acquisition(neighbours, incumbent)])
        return pool[int(np.argmax(scores))]

    def _acquisition(self, surrogates: Surrogates, timed: list[Observation]) -> Acquisition:
        reference_times = [trial.reference_step_time_s or 0.0 for trial in timed]
        return Acquisition(
            self.domain,
            self._features,
            surrogates,
            self._objective.relative_to(median(reference_times or [1.0])),
            self._max_step_time,
        )

    def _initial_pool(self, trained: list[Observation], state: SamplerState) -> list[Point]:
        """Return the open points of a table, or random points and neighbours of the best networks.

        Raises:
            SpaceExhausted: no open point is left.
        """
        if self.domain.points is not None:
            open_points = self.domain.open_points(state.seen)
            if not open_points:
                raise SpaceExhausted
            return open_points
        drawn = [self.domain.uniform(state.generator) for _ in range(_RANDOM_POINTS)]
        random_points = {self.domain.key(point): point for point in drawn}
        pool = [point for point in random_points.values() if self.domain.is_open(point, state.seen)]
        best = sorted(trained, key=lambda trial: -(trial.value or 0.0))[:_BEST]
        pool += self._open_neighbours([trial.point for trial in best], set(random_points), state)
        return pool or [self.domain.random_open_point(state.seen, state.generator)]

    def _open_neighbours(
        self, points: list[Point], known: set[Key], state: SamplerState
    ) -> list[Point]:
        """Return the points' open neighbours whose keys are not ``known``, each once."""
        neighbours = {
            self.domain.key(neighbour): neighbour
            for point in points
            for neighbour in self.domain.neighbours(point)
        }
        return [
            point
            for key, point in neighbours.items()
            if key not in known and self.domain.is_open(point, state.seen)
        ]


@dataclass(frozen=True)
class Acquisition:
    """Expected improvement of the reward, times the probability of keeping the limit on S/S0.

    Expected improvement follows Jones et al., Efficient Global Optimization, 1998. The expectation
    is over the accuracy, whose logit is normally distributed. S/S0 enters with its predicted
    median, and parameters with their exact count. Targets of ``objective`` must be relative to the
    backbone, not in seconds.
    """

    domain: Domain
    features: Features
    surrogates: Surrogates
    objective: Objective
    max_step_time: float | None = None

    def incumbent(self, points: Sequence[Point]) -> float:
        """Return the best predicted reward of the trained networks.

        The best observed reward is partly luck. Measured against it, hardly any other network would
        have an expected improvement.
        """
        logits, _ = self.surrogates.accuracy(self.features(points))
        return float(self._rewards(points, _accuracies(logits)[:, None]).max())

    def lowest(self, points: Sequence[Point]) -> float:
        """Return the lowest reward that any of the points may have, which is at accuracy 0."""
        return float(self._rewards(points, np.zeros((len(points), 1))).min())

    def __call__(self, points: Sequence[Point], incumbent: float) -> Floats:
        """Return the acquisition of each point: (points,), 0 or more."""
        features = self.features(points)
        logits, deviations = self.surrogates.accuracy(features)
        accuracies = _accuracies(logits[:, None] + deviations[:, None] * _NODES)  # (points, nodes)
        rewards = self._rewards(points, accuracies)
        improvement: Floats = np.maximum(rewards - incumbent, 0.0) @ _WEIGHTS
        return improvement * self._feasibility(features)

    def _rewards(self, points: Sequence[Point], accuracies: Floats) -> Floats:
        """Return the rewards (points, N) of the points at these accuracies (points, N)."""
        log_times, _ = self.surrogates.step_time(self.features(points))
        space, count = self.domain.space, self.domain.count_parameters
        reference_parameters = count(space.backbone)
        shares = [count(space.decode(point)) / reference_parameters for point in points]
        costs = list(zip(np.exp(log_times).tolist(), shares, strict=True))
        if isinstance(self.objective, Own):
            rows = zip(accuracies.tolist(), costs, strict=True)
            return np.array([[self.objective(a, *cost) for a in row] for row, cost in rows])
        # All other forms are affine in the accuracy: two values are enough.
        at_0, at_1 = (np.array([self.objective(a, *cost) for cost in costs]) for a in (0.0, 1.0))
        rewards: Floats = at_0[:, None] + (at_1 - at_0)[:, None] * accuracies
        return rewards

    def _feasibility(self, features: Floats) -> Floats:
        """Return the probability that each point keeps the limit on S/S0."""
        if self.max_step_time is None:
            return np.ones(len(features))
        log_times, deviations = self.surrogates.step_time(features)
        margins = (np.log(self.max_step_time) - log_times) / deviations
        return np.array([NormalDist().cdf(margin) for margin in margins.tolist()])


def _accuracies(logits: Floats) -> Floats:
    accuracies: Floats = 1 / (1 + np.exp(-logits))
    return accuracies
