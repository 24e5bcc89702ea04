"""The outcomes of trainings, and the noise of their accuracies.

An accuracy, the value of the run's metric, is noisy for two reasons. The minival is a sample of
images, so a measured share is binomial; another metric is as noisy as a share of so many *effective
images*, which each candidate's record holds. And training a network again with another seed gives
another network. The second is estimated from networks that were trained several times: the
backbone, and confirmed candidates.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, harmonic_mean

from results.candidate import BACKBONE, Candidate, State
from results.ranking import seed_deviation
from reward.metric import ACCURACY, METRICS, Metric
from reward.objective import Objective
from reward.step_time.measurement import normalized, normalized_interval, reference_median_s

Z_95 = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Outcome:
    """A complete training: what its reward follows from, and what it cost.

    ``confirms`` and ``effective_images`` are as in :class:`~results.candidate.Candidate`.
    ``step_time`` is S/S0 with its 95 % interval, None if that is not known; ``size`` is P/P0, and
    ``reference_step_time_s`` is S0.
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
    effective_images: float | None = None

    def reward(self, objective: Objective) -> float:
        """Return the reward."""
        return self.reward_at(self.accuracy, self.step_time, objective)

    def reward_at(self, accuracy: float, step_time: float, objective: Objective) -> float:
        """Return the reward at another accuracy and S/S0."""
        objective = objective.relative_to(self.reference_step_time_s)
        return objective(accuracy, step_time, self.size)

    def slope(self, accuracy: float, objective: Objective) -> float:
        """Return the reward's rise with the accuracy, near an accuracy."""
        objective = objective.relative_to(self.reference_step_time_s)
        return objective.slope(accuracy, self.step_time, self.size)


def outcomes(candidates: Iterable[Candidate]) -> list[Outcome]:
    """Return the outcomes of the candidates that are complete and have all measurements.

    Those of another fidelity than the run's are left out.
    """
    found = []
    for candidate in candidates:
        if candidate.fidelity is not None:
            continue
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
                candidate.effective_images,
            )
        )
    return found


def wilson_interval(share: float, count: float) -> tuple[float, float]:
    """Return the 95 % interval of a share of ``count``, by Wilson's score (JASA 22, 1927).

    ``count`` need not be whole, as effective images are not. Unlike the normal approximation the
    interval is also right near 0 and 1, and stays within them.
    """
    z = Z_95
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class Noise:
    """The noise of a run's accuracies, the values of its ``metric``.

    ``images`` is the size of the minival, ``seed_deviation`` the standard deviation between
    trainings of one network with different seeds, estimated with ``degrees`` degrees of freedom.
    None stands for what is not known.
    """

    images: int | None = None
    seed_deviation: float | None = None
    degrees: int = 0
    metric: Metric = METRICS[ACCURACY]

    def share_of(self, effective_images: Sequence[float | None]) -> float | None:
        """Return of how many images a share would be as noisy as the mean of some trainings.

        They are all validated on the same images. None if that is not known; if the metric is
        itself a share, it is the size of the minival.
        """
        if self.metric.is_share:
            return self.images
        known = [count for count in effective_images if count is not None]
        return harmonic_mean(known) if known and len(known) == len(effective_images) else None

    def accuracy_interval(
        self, accuracy: float, trainings: int = 1, images: float | None = None
    ) -> tuple[float, float] | None:
        """Return the 95 % interval of an accuracy, the mean of so many trainings.

        It is Wilson's for ``images``, of :meth:`share_of`, with the seeds' 1.96 standard errors
        added in quadrature. None if they are not known; for a share they are the minival's.
        """
        images = self.share_of([images])
        if images is None:
            return None
        low, high = wilson_interval(accuracy, images)
        seeds = Z_95 * (self.seed_deviation or 0.0) / math.sqrt(trainings)
        return (
            max(0.0, accuracy - math.hypot(accuracy - low, seeds)),
            min(1.0, accuracy + math.hypot(high - accuracy, seeds)),
        )


def find_noise(
    found: Iterable[Outcome], images: int | None, metric: Metric = METRICS[ACCURACY]
) -> Noise:
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
    return Noise(images, seed_deviation(groups.values()), degrees, metric)


def compared_epochs(found: Iterable[Outcome]) -> int | None:
    """Return the epochs at which confirmed candidates are compared; None if none is confirmed."""
    confirmations = (o for o in found if o.confirms is not None and o.confirms != BACKBONE)
    return max((outcome.epochs for outcome in confirmations), default=None)


def trainings_by_candidate(found: Iterable[Outcome]) -> dict[int, list[Outcome]]:
    """Return the trainings by which candidates are compared, a candidate's first training first.

    If candidates were confirmed, all count that were trained for as many epochs as these.
    """
    ordered = sorted(found, key=lambda each: (each.confirms is not None, each.number))
    epochs = compared_epochs(ordered)
    trainings: dict[int, list[Outcome]] = defaultdict(list)
    for outcome in ordered:
        number = outcome.number if outcome.confirms is None else outcome.confirms
        if number != BACKBONE and (epochs is None or outcome.epochs == epochs):
            trainings[number].append(outcome)
    return dict(trainings)


def confirmed_numbers(trainings: Mapping[int, Sequence[Outcome]]) -> set[int]:
    """Return the candidates that were confirmed; the winner is one of them, if there are any."""
    return {
        number
        for number, group in trainings.items()
        if any(outcome.confirms is not None for outcome in group)
    }
