"""Reinforcement learning: a distribution over the choices that moves towards high rewards.

As in TuNAS (Bender et al., 2020, arXiv:2008.06120).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from nas.search.samplers.base import Observation, PointSampler, SamplerState
from nas.search.samplers.domain import Domain
from search_space.space import Point

Matrix = NDArray[np.float64]

BASELINE_DECAY = 0.95


class PolicySampler(PointSampler):
    """One independent categorical per choice, trained with REINFORCE (TuNAS, section 3).

    The baseline is the exponential moving average of the rewards, with decay 0.95. An advantage is
    divided by the same average of the absolute advantages, so that the learning rate does not
    depend on the scale of the reward. The policy takes one step for each reward, in the order in
    which the trials ended, as if the policy of that moment had drawn the point. Which choices go
    together is what :class:`nas.search.samplers.rnn.sampler.RnnSampler` learns, of more networks.
    """

    def __init__(self, domain: Domain, learning_rate: float = 0.15) -> None:
        super().__init__(domain)
        self._learning_rate = learning_rate

    def propose(self, state: SamplerState) -> Point:
        """Return a point drawn from the policy."""
        probabilities = softmax(self.logits(state.history))
        return {
            name: options[state.generator.choice(len(options), p=row[: len(options)])]
            for (name, options), row in zip(self.domain.options.items(), probabilities, strict=True)
        }

    def logits(self, history: Sequence[Observation]) -> Matrix:
        """Return the policy after these trials: (choices, most options), padded with -inf."""
        widths = [len(options) for options in self.domain.options.values()]
        columns = np.arange(max(widths))
        logits = np.where(columns < np.array(widths)[:, None], 0.0, -np.inf)
        points = [trial.point for trial in history if trial.value is not None]
        rewards = [trial.value for trial in history if trial.value is not None]
        for point, advantage in zip(points, advantages(rewards), strict=True):
            logits += self._learning_rate * advantage * self._gradient(logits, point)
        return logits

    def _gradient(self, logits: Matrix, point: Point) -> Matrix:
        """Return the gradient of log p(point) by the logits; 0 for choices of an absent stage."""
        gradient = -softmax(logits)
        absent = self.domain.absent(point)
        for i, (name, options) in enumerate(self.domain.options.items()):
            if name in absent:
                gradient[i] = 0.0
            else:
                gradient[i, options.index(point[name])] += 1.0
        return gradient


def advantages(rewards: Iterable[float]) -> Iterator[float]:
    """Yield by how much each reward exceeds the average of those before, in their usual deviation.

    Both averages, that of the rewards and that of the absolute advantages, are exponential.
    """
    baseline = deviation = None
    for reward in rewards:
        if baseline is None or deviation is None:
            baseline, deviation = reward, 0.0
            yield 0.0
            continue
        advantage = reward - baseline
        deviation = _average(deviation, abs(advantage)) if deviation else abs(advantage)
        baseline = _average(baseline, reward)
        yield advantage / deviation if deviation else 0.0


def softmax(logits: Matrix) -> Matrix:
    """Return the softmax of each row."""
    powers = np.exp(logits - logits.max(1, keepdims=True))
    probabilities: Matrix = powers / powers.sum(1, keepdims=True)
    return probabilities


def _average(mean: float, value: float) -> float:
    return BASELINE_DECAY * mean + (1 - BASELINE_DECAY) * value
