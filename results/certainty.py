"""How sure a run's winner is: each candidate's chance to be the best, and near-ties."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean
from typing import TYPE_CHECKING

from results.noise import Z_95, Noise, Outcome, confirmed_numbers, trainings_by_candidate
from reward.objective import Objective

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SURE = 0.95  # a chance from which a winner counts as sure
CONTENDER = 0.05  # a chance from which a candidate is worth another training
TIE = 0.1  # a probability of being better than the winner, above which a candidate is a tie
_SEED_LEVELS, _DRAWS = 16, 250  # values of the seeds' deviation, and draws of the rewards at each
_GRID, _SMOOTHING_STEPS = 160, 4  # points and steps of the estimate of the distribution
_LEAST_CHANCE = 0.005  # that is listed


@dataclass(frozen=True)
class Certainty:
    """How sure the winner is.

    ``winner_chance`` is the probability that it is the best. ``chances`` are (number, probability)
    of all, the highest first, without those below 0.5 %. ``count`` is the number of candidates that
    are compared: all of a run, or with ``is_of_confirmed`` those that were confirmed, if with more
    epochs than the others. ``contenders`` of them have a probability of 5 % or more. ``ties`` are
    the numbers of the candidates within the noise: each is better than the winner with a
    probability above 10 %; best first. ``expected_reward`` is the winner's reward without the luck
    by which it was selected.
    """

    winner: int
    winner_chance: float
    chances: tuple[tuple[int, float], ...]
    count: int
    is_of_confirmed: bool
    contenders: int
    ties: tuple[int, ...]
    expected_reward: float


def find_certainty(
    found: Sequence[Outcome], objective: Objective, noise: Noise
) -> Certainty | None:
    """Return how sure the winner is; None without a candidate, or if the noise is not known.

    Each true accuracy has a distribution, given what was measured: that of the measurement's noise,
    times the distribution of all candidates' true accuracies, which is estimated from them
    (empirical Bayes). So an accuracy that stands out by luck is drawn back towards the others. The
    deviation between seeds is itself drawn, from the distribution that its few trainings leave. The
    stated probabilities are checked by ``benchmarks/certainty.py``.
    """
    import numpy as np  # a fifth of a second, which not every command needs

    trainings = trainings_by_candidate(found)
    contestants = [
        _contestant(number, group, objective, noise) for number, group in sorted(trainings.items())
    ]
    images = [contestant.images for contestant in contestants]
    if not contestants or None in images:
        return None
    rewards = np.array([contestant.reward for contestant in contestants])
    confirmed = confirmed_numbers(trainings)
    can_win = [not confirmed or contestant.number in confirmed for contestant in contestants]
    first = int(np.where(can_win, rewards, -np.inf).argmax())
    wins, beats, expected = np.zeros(len(rewards)), np.zeros(len(rewards)), 0.0
    generator = np.random.default_rng(0)
    for deviation in _seed_deviations(noise):
        draws = _reward_draws(contestants, deviation, generator)
        wins += np.bincount(draws.argmax(1), minlength=len(rewards))
        beats += (draws > draws[:, [first]]).sum(0)
        expected += float(draws[:, first].sum())
    total = _SEED_LEVELS * _DRAWS
    chances = [(contestants[i].number, float(wins[i] / total)) for i in np.argsort(-wins)]
    ties = [i for i in np.argsort(-rewards) if i != first and beats[i] / total > TIE]
    return Certainty(
        winner=contestants[first].number,
        winner_chance=float(wins[first] / total),
        chances=tuple((number, chance) for number, chance in chances if chance >= _LEAST_CHANCE),
        count=len(contestants),
        is_of_confirmed=bool(confirmed) and len(confirmed) == len(contestants),
        contenders=int((wins / total >= CONTENDER).sum()),
        ties=tuple(contestants[i].number for i in ties),
        expected_reward=expected / total,
    )


@dataclass(frozen=True)
class _Contestant:
    """A candidate with the mean of its trainings; ``slope`` is the reward's rise with accuracy.

    ``images`` is of how many images a share would be as noisy as the accuracy, None if unknown.
    """

    number: int
    reward: float
    accuracy: float
    slope: float
    step_time_deviation: float  # of the reward, by the measurement of the step time
    trainings: int
    images: float | None

    def accuracy_deviation(self, seed_deviation: float) -> float:
        """Return the standard deviation of the accuracy, at least a millionth.

        All trainings are validated on the same images, so more of them reduce only the seeds' part.
        """
        images = self.images or 1.0
        share = (self.accuracy * images + 1) / (images + 2)  # no image wrong does not mean no noise
        variance = share * (1 - share) / images + seed_deviation**2 / self.trainings
        return max(1e-6, math.sqrt(variance))


def _contestant(
    number: int, group: Sequence[Outcome], objective: Objective, noise: Noise
) -> _Contestant:
    any_of = group[0]
    accuracy = fmean(outcome.accuracy for outcome in group)
    return _Contestant(
        number=number,
        reward=fmean(outcome.reward(objective) for outcome in group),
        accuracy=accuracy,
        slope=any_of.slope(accuracy, objective),
        step_time_deviation=_step_time_deviation(any_of, objective) / math.sqrt(len(group)),
        trainings=len(group),
        images=noise.share_of([outcome.effective_images for outcome in group]),
    )


def _step_time_deviation(outcome: Outcome, objective: Objective) -> float:
    """Return the standard deviation of the reward that the step time's 95 % interval stands for."""
    if outcome.step_time_interval is None:
        return 0.0
    low, high = (
        outcome.reward_at(outcome.accuracy, end, objective) for end in outcome.step_time_interval
    )
    return abs(high - low) / (2 * Z_95)


def _seed_deviations(noise: Noise) -> list[float]:
    """Return equally likely values of the true deviation between seeds, given the estimate.

    With d degrees of freedom, d times the estimated over the true variance is chi-squared; its
    quantiles are Wilson and Hilferty's (PNAS 17, 1931).
    """
    if noise.seed_deviation is None:
        return [0.0] * _SEED_LEVELS
    d, values = noise.degrees, []
    for i in range(_SEED_LEVELS):
        z = NormalDist().inv_cdf((i + 0.5) / _SEED_LEVELS)
        chi_squared = d * max(0.05, 1 - 2 / (9 * d) + z * math.sqrt(2 / (9 * d))) ** 3
        values.append(noise.seed_deviation * math.sqrt(d / chi_squared))
    return values


def _reward_draws(
    contestants: Sequence[_Contestant],
    seed_deviation: float,
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Return draws (draws, N) of the true rewards, as if they were affine in the accuracies."""
    import numpy as np

    accuracies = np.array([each.accuracy for each in contestants])
    sds = np.array([each.accuracy_deviation(seed_deviation) for each in contestants])
    rewards, slopes, step_time_sds = (
        np.array([getattr(each, name) for each in contestants])
        for name in ("reward", "slope", "step_time_deviation")
    )
    gains = _posterior_draws(accuracies, sds, generator) - accuracies  # (draws, N)
    steps = generator.standard_normal(gains.shape)
    draws: NDArray[np.float64] = rewards + slopes * gains + step_time_sds * steps
    return draws


def _posterior_draws(
    values: NDArray[np.float64], sds: NDArray[np.float64], generator: np.random.Generator
) -> NDArray[np.float64]:
    """Return draws (draws, N) of the true values behind measured ones (N,) with deviations (N,).

    The distribution of the true values starts flat, and takes a few steps of expectation
    maximization. Stopped early, it stays smooth; further steps would contract it to a few points.
    """
    import numpy as np

    low, high = (values - 4 * sds).min(), (values + 4 * sds).max()
    grid, spacing = np.linspace(low, high, _GRID, retstep=True)
    # The mean likelihood within a cell would be exact; at its middle it is at most a sixth wider.
    widths = np.hypot(sds, spacing / math.sqrt(12))[:, None]
    likelihood = np.exp(-0.5 * ((values[:, None] - grid) / widths) ** 2) / widths  # (N, grid)
    weights = np.full(_GRID, 1 / _GRID)
    for _ in range(_SMOOTHING_STEPS):
        posterior = likelihood * weights
        weights = (posterior / posterior.sum(1, keepdims=True)).mean(0)
    cumulative = (likelihood * weights).cumsum(1)
    cumulative /= cumulative[:, -1:]
    # One search for all candidates: each candidate's values lie in an interval of their own.
    offsets = np.arange(len(values))[:, None]
    uniforms = generator.random((len(values), _DRAWS))
    cells = np.searchsorted((cumulative + offsets).ravel(), (uniforms + offsets).ravel())
    cells = cells.reshape(uniforms.shape) - offsets * _GRID
    jitter = spacing * (generator.random(uniforms.shape) - 0.5)
    draws: NDArray[np.float64] = (grid[cells.clip(0, _GRID - 1)] + jitter).T
    return draws
