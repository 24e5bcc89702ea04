"""The model-based strategy: parameters are known exactly, accuracy and step time are learnt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, median

import numpy as np
from numpy.typing import NDArray

from nas.search.samplers.base import Observation, PointSampler, SamplerState
from nas.search.samplers.domain import Domain, Key, SpaceExhausted
from nas.search.samplers.model.surrogate import Features, Prediction, predicted
from reward.objective import Objective
from search_space.space import Point

STARTUP = 8


_DRAWN, _CLIMBERS, _CLIMBS = 400, 5, 3


class ModelSampler(PointSampler):
    """Proposes what is expected to better the reward most.

    Gaussian processes over the choices and the parameters by stage predict accuracy and step time
    (:mod:`nas.search.samplers.model.surrogate`). The highest :class:`Acquisition` is
    sought among random points, the neighbours of the best networks, and then uphill. The first
    eight candidates are chance.
    """

    def __init__(
        self, domain: Domain, objective: Objective, max_step_time: float | None = None
    ) -> None:
        super().__init__(domain)
        self._objective = objective
        self._max_step_time = max_step_time
        self._features = Features(domain)

    def propose(self, situation: SamplerState) -> Point:
        """Chance until eight are complete, then the most promising point that is found."""
        timed = [each for each in situation.history if each.step_time]
        trained = [each for each in timed if each.curve and each.value is not None]
        if sum(each.is_complete for each in trained) < STARTUP:
            return self.domain.uniform(situation.generator)
        acquisition = self._acquisition(timed, situation.running)
        incumbent = acquisition.incumbent([each.point for each in trained])
        pool = self._pool(trained, situation)
        scores = acquisition(pool, incumbent)
        for _ in range(_CLIMBS if self.domain.points is None else 0):
            top = [pool[i] for i in np.argsort(-scores, kind="stable")[:_CLIMBERS]]
            further = self._open_neighbours(
                top, {self.domain.key(point) for point in pool}, situation
            )
            if not further:
                break
            pool += further
            scores = np.concatenate([scores, acquisition(further, incumbent)])
        return pool[int(np.argmax(scores))]

    def _acquisition(self, timed: list[Observation], running: list[Observation]) -> Acquisition:
        references = [each.reference_step_time_s or 0.0 for each in timed]
        return Acquisition(
            self.domain,
            self._features,
            predicted(self._features, timed, running),
            self._objective.relative_to(median(references)),
            self._max_step_time,
        )

    def _pool(self, trained: list[Observation], situation: SamplerState) -> list[Point]:
        """Where to begin: what is left of a table, or random points and the best's neighbours.

        Raises:
            SpaceUsedUp: nothing is left.
        """
        if self.domain.points is not None:
            left = self.domain.open_points(situation.seen)
            if not left:
                raise SpaceExhausted
            return left
        drawn = [self.domain.uniform(situation.generator) for _ in range(_DRAWN)]
        pool = {self.domain.key(point): point for point in drawn}
        new = [point for point in pool.values() if self.domain.is_open(point, situation.seen)]
        best = sorted(trained, key=lambda each: -(each.value or 0.0))[:_CLIMBERS]
        new += self._open_neighbours([each.point for each in best], set(pool), situation)
        return new or [self.domain.random_open_point(situation.seen, situation.generator)]

    def _open_neighbours(
        self, points: list[Point], known: set[Key], situation: SamplerState
    ) -> list[Point]:
        """The points' neighbours that are open and not among the known, each once."""
        near = {
            self.domain.key(neighbour): neighbour
            for point in points
            for neighbour in self.domain.neighbours(point)
        }
        return [
            point
            for key, point in near.items()
            if key not in known and self.domain.is_open(point, situation.seen)
        ]


Floats = NDArray[np.float64]


# Nodes and weights of an average over a standard normal distribution.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(15)


_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True)
class Acquisition:
    """Expected improvement of the reward, times the probability of keeping a limit on S/S0.

    The expectation is over the accuracy that training would show, its logit normal (Jones et al.,
    Efficient Global Optimization, 1998); S/S0 is taken at its predicted median and parameters
    exactly. ``objective`` has no target in seconds.
    """

    domain: Domain
    features: Features
    prediction: Prediction
    objective: Objective
    max_step_time: float | None = None

    def incumbent(self, points: Sequence[Point]) -> float:
        """The best predicted reward of networks that were trained.

        The best observed one would owe much to luck, and no other would promise to better it.
        """
        logits, _ = self.prediction.accuracy(self.features(points))
        at_none, slope = self._reward_line(points)
        return float((at_none + slope * _accuracies(logits)).max())

    def __call__(self, points: Sequence[Point], incumbent: float) -> Floats:
        """(points,), 0 and above."""
        features = self.features(points)
        logits, deviations = self.prediction.accuracy(features)
        accuracies = _accuracies(logits[:, None] + deviations[:, None] * _NODES)  # (points, nodes)
        at_none, slope = self._reward_line(points)
        rewards = at_none[:, None] + slope[:, None] * accuracies
        improvement: Floats = np.maximum(rewards - incumbent, 0.0) @ _WEIGHTS
        return improvement * self._feasibility(features)

    def _reward_line(self, points: Sequence[Point]) -> tuple[Floats, Floats]:
        """The reward at accuracy 0 and how it rises with accuracy: every form is affine in it."""
        log_times, _ = self.prediction.step_time(self.features(points))
        space, count = self.domain.space, self.domain.count_parameters
        reference = count(space.backbone)
        shares = [count(space.decode(point)) / reference for point in points]
        ends = np.array(
            [
                [self.objective(accuracy, step_time, share) for accuracy in (0.0, 1.0)]
                for step_time, share in zip(np.exp(log_times).tolist(), shares, strict=True)
            ]
        )
        return ends[:, 0], ends[:, 1] - ends[:, 0]

    def _feasibility(self, features: Floats) -> Floats:
        if self.max_step_time is None:
            return np.ones(len(features))
        log_times, deviations = self.prediction.step_time(features)
        margins = (np.log(self.max_step_time) - log_times) / deviations
        return np.array([NormalDist().cdf(margin) for margin in margins.tolist()])


def _accuracies(logits: Floats) -> Floats:
    accuracies: Floats = 1 / (1 + np.exp(-logits))
    return accuracies
