"""How sure a run's winner is: the noise of accuracies, each candidate's chance, and near-ties.

An accuracy is noisy for two reasons. The minival is a sample of images, so a measured share is
binomial. And training a network again with another seed gives another network. The second is
estimated from networks that were trained several times: the backbone, and confirmed candidates.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean
from typing import TYPE_CHECKING

from results.candidate import BACKBONE, Candidate, State
from results.ranking import seed_deviation
from reward.objective import Objective
from reward.step_time.measurement import normalized, normalized_interval, reference_median_s

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Z_95 = NormalDist().inv_cdf(0.975)
SURE = 0.95  # a chance from which a winner counts as sure
TIE = 0.1  # a probability of being better than the winner, above which a candidate is a tie
_SEED_LEVELS, _DRAWS = 16, 250  # values of the seeds' deviation, and draws of the rewards at each
_GRID, _SMOOTHING_STEPS = 160, 4  # points and steps of the estimate of the rewards' distribution
_LEAST_CHANCE = 0.005  # that is listed


@dataclass(frozen=True)
class Outcome:
    """A complete training: what its reward follows from, and what it cost.

    ``confirms`` is as in :class:`~results.candidate.Candidate`. ``step_time`` is S/S0 with its 95 %
    interval, None if that is not known; ``size`` is P/P0, and ``reference_step_time_s`` is S0.
    """

    number: int
    confirms: int | None
    epochs: int
    accuracy: float
    step_time: float
    step_time_interval: tuple[float, float] | None
    size: float
    reference_step_time_s: float
    seconds: float | None = None  # from its start to its end
    worker: str | None = None
    unsteady: str | None = None

    def reward(self, objective: Objective) -> float:
        """Return the reward."""
        return self.reward_at(self.accuracy, self.step_time, objective)

    def reward_at(self, accuracy: float, step_time: float, objective: Objective) -> float:
        """Return the reward at another accuracy and S/S0."""
        objective = objective.relative_to(self.reference_step_time_s)
        return objective(accuracy, step_time, self.size)


def outcomes(candidates: Iterable[Candidate]) -> list[Outcome]:
    """Return the outcomes of the candidates that are complete and have all measurements."""
    found = []
    for candidate in candidates:
        timed = candidate.step_time
        if candidate.state is not State.COMPLETE or candidate.accuracy is None or timed is None:
            continue
        if not candidate.parameters or not candidate.reference_parameters:
            continue
        started_at, finished_at = candidate.started_at, candidate.finished_at
        is_timed = started_at is not None and finished_at is not None
        found.append(
            Outcome(
                candidate.number,
                candidate.confirms,
                len(candidate.curve),
                candidate.accuracy,
                normalized(timed),
                normalized_interval(timed),
                candidate.parameters / candidate.reference_parameters,
                reference_median_s(timed),
                (finished_at or 0.0) - (started_at or 0.0) if is_timed else None,
                candidate.worker,
                timed.unsteady,
            )
        )
    return found


def wilson_interval(share: float, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of ``count``, by Wilson's score (JASA 22, 1927).

    Unlike the normal approximation it is also right near 0 and 1, and stays within them.
    """
    z = Z_95
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class Noise:
    """The noise of a run's accuracies.

    ``images`` is the size of the minival, ``seed_deviation`` the standard deviation between
    trainings of one network with different seeds, estimated with ``degrees`` degrees of freedom.
    None stands for what is not known.
    """

    images: int | None = None
    seed_deviation: float | None = None
    degrees: int = 0

    def accuracy_interval(self, accuracy: float, trainings: int = 1) -> tuple[float, float] | None:
        """Return the 95 % interval of an accuracy, the mean of so many trainings.

        It is Wilson's for the minival, with the seeds' 1.96 standard errors added in quadrature.
        None if the size of the minival is not known.
        """
        if self.images is None:
            return None
        low, high = wilson_interval(accuracy, self.images)
        seeds = Z_95 * (self.seed_deviation or 0.0) / math.sqrt(trainings)
        return (
            max(0.0, accuracy - math.hypot(accuracy - low, seeds)),
            min(1.0, accuracy + math.hypot(high - accuracy, seeds)),
        )


def find_noise(found: Iterable[Outcome], images: int | None) -> Noise:
    """Return the noise of the accuracies; ``images`` is the size of the minival.

    The trainings of the backbone and the fresh trainings of each confirmed candidate are pooled.
    If candidates were confirmed with more epochs, only trainings of that length count.
    """
    again = [outcome for outcome in found if outcome.confirms is not None]
    epochs = compared_epochs(again)
    groups: dict[int, list[float]] = defaultdict(list)
    for outcome in again:
        if epochs is None or outcome.epochs == epochs:
            groups[outcome.confirms or 0].append(outcome.accuracy)
    degrees = sum(len(values) - 1 for values in groups.values())
    return Noise(images, seed_deviation(groups.values()), degrees)


def compared_epochs(found: Iterable[Outcome]) -> int | None:
    """Return the epochs at which confirmed candidates are compared; None if none is confirmed."""
    confirmations = (o for o in found if o.confirms is not None and o.confirms != BACKBONE)
    return max((outcome.epochs for outcome in confirmations), default=None)


@dataclass(frozen=True)
class Certainty:
    """How sure the winner is.

    ``chances`` are (number, probability to be the best), the highest first, without those below
    0.5 %. ``ties`` are the numbers of the candidates within the noise: each is better than the
    winner with a probability above 10 %; best first. ``expected_reward`` is the winner's reward
    without the luck by which it was selected.
    """

    winner: int
    chances: tuple[tuple[int, float], ...]
    ties: tuple[int, ...]
    expected_reward: float

    @property
    def winner_chance(self) -> float:
        """The probability that the winner is the best."""
        return dict(self.chances).get(self.winner, 0.0)


def find_certainty(
    found: Sequence[Outcome], objective: Objective, noise: Noise
) -> Certainty | None:
    """Return how sure the winner is; None without a candidate, or if the noise is not known.

    Each true reward has a distribution, given what was measured: that of the measurement's noise,
    times the distribution of all candidates' true rewards, which is estimated from them (empirical
    Bayes). So a winner that stands out by luck is drawn back towards the others. The deviation
    between seeds is itself drawn, from the distribution that its few trainings leave. The stated
    probabilities are checked by ``benchmarks/certainty.py``.
    """
    import numpy as np  # a fifth of a second, which not every command needs

    contestants = [
        _contestant(number, group, objective)
        for number, group in sorted(trainings_by_candidate(found).items())
    ]
    if not contestants or noise.images is None:
        return None
    rewards = np.array([contestant.reward for contestant in contestants])
    first = int(rewards.argmax())
    wins, beats, expected = np.zeros(len(rewards)), np.zeros(len(rewards)), 0.0
    generator = np.random.default_rng(0)
    for deviation in _seed_deviations(noise):
        sds = np.array([each.deviation(noise.images, deviation) for each in contestants])
        draws = _posterior_draws(rewards, sds, generator)
        wins += np.bincount(draws.argmax(1), minlength=len(rewards))
        beats += (draws > draws[:, [first]]).sum(0)
        expected += float(draws[:, first].sum())
    total = _SEED_LEVELS * _DRAWS
    chances = [(contestants[i].number, float(wins[i] / total)) for i in np.argsort(-wins)]
    ties = [i for i in np.argsort(-rewards) if i != first and beats[i] / total > TIE]
    return Certainty(
        winner=contestants[first].number,
        chances=tuple((number, chance) for number, chance in chances if chance >= _LEAST_CHANCE),
        ties=tuple(contestants[i].number for i in ties),
        expected_reward=expected / total,
    )


@dataclass(frozen=True)
class _Contestant:
    """A candidate with the mean of its trainings; ``slope`` is the reward's rise with accuracy."""

    number: int
    reward: float
    accuracy: float
    slope: float
    step_time_deviation: float  # of the reward, by the measurement of the step time
    trainings: int

    def deviation(self, images: int, seed_deviation: float) -> float:
        """Return the standard deviation of the reward, at least a millionth.

        All trainings are validated on the same images, so more of them reduce only the seeds' part.
        """
        share = (self.accuracy * images + 1) / (images + 2)  # no image wrong does not mean no noise
        variance = share * (1 - share) / images + seed_deviation**2 / self.trainings
        return max(1e-6, math.hypot(self.slope * math.sqrt(variance), self.step_time_deviation))


def trainings_by_candidate(found: Iterable[Outcome]) -> dict[int, list[Outcome]]:
    """Return the trainings by which each candidate is compared, its first training first.

    If candidates are confirmed, only those are compared, by all their trainings of that length, as
    in :func:`results.ranking.confirmed`.
    """
    ordered = sorted(found, key=lambda each: (each.confirms is not None, each.number))
    epochs = compared_epochs(ordered)
    confirmed = {outcome.confirms for outcome in ordered}
    trainings: dict[int, list[Outcome]] = defaultdict(list)
    for outcome in ordered:
        number = outcome.number if outcome.confirms is None else outcome.confirms
        is_compared = epochs is None or (outcome.epochs == epochs and number in confirmed)
        if number != BACKBONE and is_compared:
            trainings[number].append(outcome)
    return trainings


def _contestant(number: int, group: Sequence[Outcome], objective: Objective) -> _Contestant:
    any_of = group[0]
    slope = any_of.reward_at(1.0, any_of.step_time, objective)
    slope -= any_of.reward_at(0.0, any_of.step_time, objective)
    return _Contestant(
        number=number,
        reward=fmean(outcome.reward(objective) for outcome in group),
        accuracy=fmean(outcome.accuracy for outcome in group),
        slope=slope,
        step_time_deviation=_step_time_deviation(any_of, objective) / math.sqrt(len(group)),
        trainings=len(group),
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


def _posterior_draws(
    rewards: NDArray[np.float64], sds: NDArray[np.float64], generator: np.random.Generator
) -> NDArray[np.float64]:
    """Return draws (draws, N) of the true rewards behind measured ones (N,) with deviations (N,).

    The distribution of the true rewards starts flat, and takes a few steps of expectation
    maximization. Stopped early, it stays smooth; further steps would contract it to a few points.
    """
    import numpy as np

    low, high = (rewards - 4 * sds).min(), (rewards + 4 * sds).max()
    grid, spacing = np.linspace(low, high, _GRID, retstep=True)
    # The mean likelihood within a cell would be exact; at its middle it is at most a sixth wider.
    widths = np.hypot(sds, spacing / math.sqrt(12))[:, None]
    likelihood = np.exp(-0.5 * ((rewards[:, None] - grid) / widths) ** 2) / widths  # (N, grid)
    weights = np.full(_GRID, 1 / _GRID)
    for _ in range(_SMOOTHING_STEPS):
        posterior = likelihood * weights
        weights = (posterior / posterior.sum(1, keepdims=True)).mean(0)
    cumulative = (likelihood * weights).cumsum(1)
    cumulative /= cumulative[:, -1:]
    # One search for all candidates: each candidate's values lie in an interval of their own.
    offsets = np.arange(len(rewards))[:, None]
    uniforms = generator.random((len(rewards), _DRAWS))
    cells = np.searchsorted((cumulative + offsets).ravel(), (uniforms + offsets).ravel())
    cells = cells.reshape(uniforms.shape) - offsets * _GRID
    jitter = spacing * (generator.random(uniforms.shape) - 0.5)
    draws: NDArray[np.float64] = (grid[cells.clip(0, _GRID - 1)] + jitter).T
    return draws
