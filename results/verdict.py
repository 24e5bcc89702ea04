"""What a run's end says about its winner, in sentences: against the backbone, and how sure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median
from typing import Any

from results.candidate import BACKBONE
from results.certainty import SURE, Certainty, find_certainty
from results.doubts import alike, guessing, seeds_unknown, unsteady
from results.noise import (
    Noise,
    Outcome,
    compared_epochs,
    confirmed_numbers,
    find_noise,
    trainings_by_candidate,
)
from results.ranking import spread
from reward.metric import ACCURACY, Metric, recorded_metric
from reward.objective import Objective

_SHOWN_TIES = 4
_MOST_TO_CONFIRM, _FEWEST_TO_CONFIRM = 10, 3


@dataclass(frozen=True)
class Backbone:
    """The mean of the backbone's trainings; deviations are None for a single one."""

    trainings: int
    accuracy: float
    accuracy_deviation: float | None
    reward: float
    reward_deviation: float | None
    step_time: float  # S/S0, about 1

    def to_json(self) -> dict[str, Any]:
        """Return the values in JSON types."""
        return {
            "trainings": self.trainings,
            "accuracy_mean": self.accuracy,
            "accuracy_sd": self.accuracy_deviation,
            "reward_mean": self.reward,
            "reward_sd": self.reward_deviation,
            "normalized_step_time": self.step_time,
        }


@dataclass(frozen=True)
class Verdict:
    """What is to be said about a run's winner.

    ``sentences`` say how it compares and how sure it is; ``warnings`` what makes the result
    doubtful. ``hint`` are the options of ``nas search --resume`` that decide between near-ties, and
    how long that takes; empty if nothing is to be decided.
    """

    winner: int
    noise: Noise
    certainty: Certainty | None = None
    backbone: Backbone | None = None
    sentences: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    hint: str = ""
    accuracy_interval: tuple[float, float] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the numbers in JSON types, as in best.json."""
        certainty = self.certainty
        return {
            "chance": certainty and certainty.winner_chance,
            "within_noise": list(certainty.ties) if certainty else None,
            "expected_reward": certainty and certainty.expected_reward,
            "seed_accuracy_sd": self.noise.seed_deviation,
            "backbone": self.backbone and self.backbone.to_json(),
        }


def find_verdict(
    found: Sequence[Outcome], objective: Objective, settings: Mapping[str, Any]
) -> Verdict | None:
    """Return what is to be said about the winner of a run with these outcomes; None without one.

    ``settings`` are those in the record; earlier releases' lack some.
    """
    noise = noise_of(found, settings)
    group = _winners_trainings(found, objective)
    if not group:
        return None
    certainty = find_certainty(found, objective, noise)
    backbone = _backbone(found, objective, compared_epochs(found))
    candidates = [outcome for outcome in found if outcome.confirms is None]
    winner = group[0]
    fresh = [outcome for outcome in group if outcome.confirms is not None] or group
    accuracy = fmean(outcome.accuracy for outcome in fresh)
    number = winner.number if winner.confirms is None else int(winner.confirms)
    first = next((outcome for outcome in candidates if outcome.number == number), winner)
    reward = fmean(outcome.reward(objective) for outcome in fresh)
    images = noise.share_of([outcome.effective_images for outcome in fresh])
    interval = noise.accuracy_interval(accuracy, len(fresh), images)
    hint = _hint(certainty, found, settings) if certainty else ""
    said = (
        _against_backbone(accuracy, reward, first, backbone, noise.metric) if backbone else "",
        _how_sure(certainty) if certainty else "",
        _off_front(first, candidates, objective, noise.metric),
    )
    doubts = (
        guessing(accuracy, interval, settings),
        alike(candidates, noise),
        unsteady(first),
        seeds_unknown(settings, noise.metric) if certainty and noise.seed_deviation is None else "",
    )
    return Verdict(
        winner=number,
        noise=noise,
        certainty=certainty,
        backbone=backbone,
        sentences=tuple(filter(None, said)),
        warnings=tuple(filter(None, doubts)),
        hint=hint,
        accuracy_interval=interval,
    )


def noise_of(found: Iterable[Outcome], settings: Mapping[str, Any]) -> Noise:
    """Return the noise of a run's accuracies; of an early release's run, it is not known."""
    images = settings.get("minival_images")
    is_known = isinstance(images, int) and not isinstance(images, bool) and images > 0
    return find_noise(found, images if is_known else None, recorded_metric(settings))


def _winners_trainings(found: Sequence[Outcome], objective: Objective) -> list[Outcome]:
    """Return the winner's trainings, the first one first; see :func:`results.ranking.winner`."""
    groups = trainings_by_candidate(found)
    confirmed = confirmed_numbers(groups)
    groups = {n: group for n, group in groups.items() if not confirmed or n in confirmed}
    best = max(
        groups,
        key=lambda number: (_mean_reward(groups[number], objective), -number),
        default=None,
    )
    return [] if best is None else groups[best]


def _mean_reward(group: Sequence[Outcome], objective: Objective) -> float:
    return fmean(outcome.reward(objective) for outcome in group)


def _backbone(
    found: Sequence[Outcome], objective: Objective, epochs: int | None
) -> Backbone | None:
    """Return the mean of the backbone's trainings; None if they are of another length."""
    ours = [
        outcome
        for outcome in found
        if outcome.confirms == BACKBONE and (epochs is None or outcome.epochs == epochs)
    ]
    if not ours:
        return None
    accuracy, accuracy_deviation = spread([outcome.accuracy for outcome in ours])
    reward, reward_deviation = spread([outcome.reward(objective) for outcome in ours])
    step_time = fmean(outcome.step_time for outcome in ours)
    return Backbone(len(ours), accuracy, accuracy_deviation, reward, reward_deviation, step_time)


# Sentences.


def _against_backbone(
    accuracy: float, reward: float, first: Outcome, backbone: Backbone, metric: Metric
) -> str:
    plural = "s" if backbone.trainings > 1 else ""
    deviation = backbone.reward_deviation
    spread_text = "" if deviation is None else f", standard deviation {deviation:.4f}"
    return (
        f"Its reward, {reward:.4f}, is {_difference(reward, backbone.reward)} the backbone's, "
        f"{backbone.reward:.4f} ({backbone.trainings} training{plural}{spread_text}): "
        f"{metric.title} {100 * accuracy:.1f} against {100 * backbone.accuracy:.1f} %, step "
        f"{first.step_time:.2f} x and parameters {first.size:.2f} x the backbone's."
    )


def _difference(reward: float, other: float) -> str:
    """Return how far a reward is above or below another; a negative one has no percentage."""
    where = "above" if reward >= other else "below"
    if other <= 0:
        return f"{abs(reward - other):.4f} {where}"
    return f"{100 * abs(reward / other - 1):.1f} % {where}"


def _how_sure(certainty: Certainty) -> str:
    if certainty.count == 1:
        return "" if certainty.is_of_confirmed else "It is the only candidate."
    of = "candidates that were confirmed" if certainty.is_of_confirmed else "candidates"
    chance = 100 * certainty.winner_chance
    shown_chance = f"{chance:.0f} %" if chance >= 1 else "below 1 %"
    sentence = f"It is the best of {certainty.count} {of} with a probability of {shown_chance}"
    if certainty.ties:
        shown = [str(number) for number in certainty.ties[:_SHOWN_TIES]]
        more = len(certainty.ties) - len(shown)
        if more:
            shown.append(f"{more} other{'s' if more > 1 else ''}")
        names = " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
        sentence += f"; no. {names} {'are' if len(shown) > 1 else 'is'} within the noise"
    return (
        f"{sentence}. Trained again, its reward is expected to be about "
        f"{certainty.expected_reward:.4f}."
    )


def _off_front(
    first: Outcome, candidates: Sequence[Outcome], objective: Objective, metric: Metric
) -> str:
    """Return why the winner is not on the front over accuracy and step time; empty if it is."""
    point = (first.accuracy, -first.step_time)
    above = [
        other
        for other in candidates
        if other.accuracy >= first.accuracy
        and other.step_time <= first.step_time
        and (other.accuracy, -other.step_time) != point
    ]
    if not above:
        return ""
    best = max(above, key=lambda other: other.reward(objective))
    if best.reward(objective) > first.reward(objective):
        why = "its mean over several trainings is lower"
    elif replace(best, size=first.size).reward(objective) >= first.reward(objective):
        why = f"it has {best.size / first.size:.2f} x the parameters"
    else:
        why = "the reward has a target step time"
    how = "as accurate" if metric.name == ACCURACY else f"as good in {metric.title}"
    return (
        f"It is not on the plotted front: no. {best.number} is at least {how} and as fast, "
        f"but {why}."
    )


def _hint(certainty: Certainty, found: Sequence[Outcome], settings: Mapping[str, Any]) -> str:
    """Return the options that would decide between near-ties, and the time they take."""
    if certainty.winner_chance >= SURE or certainty.count < 2:
        return ""
    confirmed = confirmed_numbers(trainings_by_candidate(found))
    seconds = _training_seconds(found, settings)
    if seconds is None:
        return ""
    if confirmed:
        count, seeds = len(confirmed), int(settings.get("confirm_seeds") or 2)
        trainings, options = count * seeds, f"--confirm {count} --confirm-seeds {2 * seeds}"
    else:
        count = min(_MOST_TO_CONFIRM, max(_FEWEST_TO_CONFIRM, certainty.contenders))
        trainings, options = 2 * count, f"--confirm {count}"
    workers = len({outcome.worker for outcome in found[-20:]}) or 1
    return f"{options}, about {_duration(seconds * trainings / min(workers, trainings))}"


def _training_seconds(found: Sequence[Outcome], settings: Mapping[str, Any]) -> float | None:
    """Return how long a further confirmation takes, by those so far or else by their epochs."""
    epochs = compared_epochs(found)
    alike = [o.seconds for o in found if o.seconds and (epochs is None or o.epochs == epochs)]
    if not alike:
        return None
    is_longer = epochs is None and settings.get("confirm_epochs") and settings.get("epochs")
    return median(alike) * (settings["confirm_epochs"] / settings["epochs"] if is_longer else 1)


def _duration(seconds: float) -> str:
    if seconds < 5400:
        minutes = max(1, round(seconds / 60))
        return f"{minutes} minute{'s' if minutes > 1 else ''}"
    return f"{seconds / 3600:.1f} hours"
