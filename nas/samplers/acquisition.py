"""How much a network is expected to better the reward, before it is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from nas.samplers.features import Features
from nas.samplers.prediction import Prediction
from nas.search.samplers.domain import Domain
from reward.objective import Objective
from search_space.space import FlatParameters

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

    def incumbent(self, points: Sequence[FlatParameters]) -> float:
        """The best predicted reward of networks that were trained.

        The best observed one would owe much to luck, and no other would promise to better it.
        """
        logits, _ = self.prediction.accuracy(self.features(points))
        at_none, slope = self._reward_line(points)
        return float((at_none + slope * _accuracies(logits)).max())

    def __call__(self, points: Sequence[FlatParameters], incumbent: float) -> Floats:
        """(points,), 0 and above."""
        features = self.features(points)
        logits, deviations = self.prediction.accuracy(features)
        accuracies = _accuracies(logits[:, None] + deviations[:, None] * _NODES)  # (points, nodes)
        at_none, slope = self._reward_line(points)
        rewards = at_none[:, None] + slope[:, None] * accuracies
        improvement: Floats = np.maximum(rewards - incumbent, 0.0) @ _WEIGHTS
        return improvement * self._feasibility(features)

    def _reward_line(self, points: Sequence[FlatParameters]) -> tuple[Floats, Floats]:
        """The reward at accuracy 0 and how it rises with accuracy: every form is affine in it."""
        log_times, _ = self.prediction.step_time(self.features(points))
        space, count = self.domain.space, self.domain.parameters
        reference = count(space.backbone)
        shares = [count(space.decode(flat)) / reference for flat in points]
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
