"""Reinforcement learning: a distribution over the choices that moves towards what was rewarded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nas.search.samplers.base import Observation, PointSampler, SamplerState
from nas.search.samplers.domain import Domain
from search_space.choices import Choice
from search_space.space import Point

BASELINE_DECAY = 0.95
Matrix = NDArray[np.float64]


class PolicySampler(PointSampler):
    """One independent categorical a choice, trained with REINFORCE (TuNAS, 2008.06120, section 3).

    The baseline is the rewards' exponential average, decay 0.95, and an advantage is counted in
    the same average of their deviations, so that the rate does not depend on the reward's scale.
    The policy comes of one step for each reward in the order of the ends, each taken as if the
    policy of that moment had drawn it. MnasNet's recurrent policy learns from 8,000 networks
    which choices go together; a few hundred do not tell.
    """

    def __init__(self, domain: Domain, rate: float = 0.15) -> None:
        super().__init__(domain)
        self._rate = rate

    def propose(self, situation: SamplerState) -> Point:
        """A draw from the policy."""
        probabilities = softmax(self.logits(situation.history))
        return {
            name: values[situation.generator.choice(len(values), p=row[: len(values)])]
            for (name, values), row in zip(self.domain.options.items(), probabilities, strict=True)
        }

    def logits(self, history: Sequence[Observation]) -> Matrix:
        """The policy after these rewards, (choices, most options), -inf where there is none."""
        widths = [len(values) for values in self.domain.options.values()]
        columns = np.arange(max(widths))
        logits = np.where(columns < np.array(widths)[:, None], 0.0, -np.inf)
        baseline = deviation = None
        for each in history:
            if each.value is None:
                continue
            if baseline is None or deviation is None:
                baseline, deviation = each.value, 0.0
                continue
            advantage = each.value - baseline
            deviation = _average(deviation, abs(advantage)) if deviation else abs(advantage)
            baseline = _average(baseline, each.value)
            if deviation:
                logits += self._rate * advantage / deviation * self._gradient(logits, each.point)
        return logits

    def _gradient(self, logits: Matrix, point: Point) -> Matrix:
        """Of the log probability of the choices; none for those of a stage that is left out."""
        gradient = -softmax(logits)
        key = self.domain.key(point)
        for i, (name, values) in enumerate(self.domain.options.items()):
            if _is_without_effect(name, key[i]):
                gradient[i] = 0.0
            else:
                gradient[i, values.index(key[i])] += 1.0
        return gradient


def softmax(logits: Matrix) -> Matrix:
    """Of each row."""
    powers = np.exp(logits - logits.max(1, keepdims=True))
    probabilities: Matrix = powers / powers.sum(1, keepdims=True)
    return probabilities


def _average(mean: float, value: float) -> float:
    return BASELINE_DECAY * mean + (1 - BASELINE_DECAY) * value


def _is_without_effect(name: str, value: Choice) -> bool:
    return value == 0 and not name.endswith(".layers")
