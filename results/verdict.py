"""What a run's end says about its winner, in sentences: against the backbone, and how sure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median
from typing import Any

from results.candidate import BACKBONE
from results.certainty import (
    SURE,
    Certainty,
    Noise,
    Outcome,
    compared_epochs,
    find_certainty,
    find_noise,
    trainings_by_candidate,
)
from results.ranking import spread
from reward.objective import Objective

_SHOWN_TIES = 4
_MOST_TO_CONFIRM, _FEWEST_TO_CONFIRM = 10, 3
_CONTENDER = 0.05  # a chance from which a candidate is worth another training
_FEWEST_TO_DIFFER = 10  # candidates, to say whether they differ at all
_OFTEN = 1.645  # the normal distribution's quantile at 0.95


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
    images = settings.get("minival_images")
    noise = find_noise(found, images if isinstance(images, int) else None)
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
    hint = _hint(certainty, found, settings) if certainty else ""
    said = (
        _against_backbone(accuracy, reward, first, backbone) if backbone else "",
        _how_sure(certainty, len(candidates)) if certainty else "",
        _off_front(first, candidates, objective),
    )
    doubts = (
        _guessing(accuracy, noise, settings),
        _alike(candidates, noise),
        _unsteady(first),
        "how much the accuracy differs between seeds is not known, so the winner is less sure than "
        "that (--baseline 3 measures it)"
        if certainty and noise.seed_deviation is None
        else "",
    )
    return Verdict(
        winner=number,
        noise=noise,
        certainty=certainty,
        backbone=backbone,
        sentences=tuple(filter(None, said)),
        warnings=tuple(filter(None, doubts)),
        hint=hint,
        accuracy_interval=noise.accuracy_interval(accuracy, len(fresh)),
    )


def _winners_trainings(found: Sequence[Outcome], objective: Objective) -> list[Outcome]:
    """Return the winner's trainings, the first one first; see :func:`results.ranking.winner`."""
    groups = trainings_by_candidate(found)
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


def _against_backbone(accuracy: float, reward: float, first: Outcome, backbone: Backbone) -> str:
    difference = 100 * (reward / backbone.reward - 1) if backbone.reward > 0 else 0.0
    where = "above" if difference >= 0 else "below"
    plural = "s" if backbone.trainings > 1 else ""
    spread_text = (
        ""
        if backbone.reward_deviation is None
        else f", standard deviation {backbone.reward_deviation:.4f}"
    )
    return (
        f"Its reward is {abs(difference):.1f} % {where} the backbone's {backbone.reward:.4f} "
        f"({backbone.trainings} training{plural}{spread_text}): accuracy {100 * accuracy:.1f} "
        f"against {100 * backbone.accuracy:.1f} %, step {first.step_time:.2f} x and parameters "
        f"{first.size:.2f} x the backbone's."
    )


def _how_sure(certainty: Certainty, count: int) -> str:
    if count == 1:
        return "It is the only candidate."
    sentence = (
        f"It is the best of {count} candidates with a probability of "
        f"{100 * certainty.winner_chance:.0f} %"
    )
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


def _off_front(first: Outcome, candidates: Sequence[Outcome], objective: Objective) -> str:
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
    return (
        f"It is not on the plotted front: no. {best.number} is at least as accurate and as fast, "
        f"but {why}."
    )


def _hint(certainty: Certainty, found: Sequence[Outcome], settings: Mapping[str, Any]) -> str:
    """Return the options that would decide between near-ties, and the time they take."""
    seconds = [o.seconds for o in found if o.seconds is not None and o.confirms != BACKBONE]
    if certainty.winner_chance >= SURE or len(certainty.chances) < 2 or not seconds:
        return ""
    workers = len({outcome.worker for outcome in found[-20:]}) or 1
    confirmed = {o.confirms for o in found if o.confirms not in (None, BACKBONE)}
    if confirmed:
        count, seeds = len(confirmed), int(settings.get("confirm_seeds") or 2)
        trainings, options = count * seeds, f"--confirm {count} --confirm-seeds {2 * seeds}"
    else:
        contenders = sum(chance >= _CONTENDER for _, chance in certainty.chances)
        count = min(_MOST_TO_CONFIRM, max(_FEWEST_TO_CONFIRM, contenders))
        trainings, options = 2 * count, f"--confirm {count}"
    return f"{options}, about {_duration(median(seconds) * trainings / min(workers, trainings))}"


def _duration(seconds: float) -> str:
    if seconds < 5400:
        minutes = max(1, round(seconds / 60))
        return f"{minutes} minute{'s' if minutes > 1 else ''}"
    return f"{seconds / 3600:.1f} hours"


# Doubts.


def _guessing(accuracy: float, noise: Noise, settings: Mapping[str, Any]) -> str:
    chance = settings.get("guessing_accuracy")
    interval = noise.accuracy_interval(accuracy)
    if not isinstance(chance, float) or interval is None or interval[0] > chance:
        return ""
    return (
        f"the winner's accuracy, {100 * accuracy:.1f} %, is no better than always naming the most "
        f"frequent class, {100 * chance:.1f} %: the networks have learned nothing yet (more "
        "--epochs, another --image-size, or the labels are wrong)"
    )


def _alike(candidates: Sequence[Outcome], noise: Noise) -> str:
    """Return that the accuracies differ no more than the noise would make them; else nothing.

    Compared is the sum of squares in units of the noise, which is then chi-squared.
    """
    if noise.images is None or len(candidates) < _FEWEST_TO_DIFFER:
        return ""
    accuracies = [outcome.accuracy for outcome in candidates]
    middle = fmean(accuracies)
    variance = middle * (1 - middle) / noise.images + (noise.seed_deviation or 0.0) ** 2
    squares = sum((accuracy - middle) ** 2 for accuracy in accuracies) / max(variance, 1e-12)
    degrees = len(accuracies) - 1
    if squares > degrees + _OFTEN * (2 * degrees) ** 0.5:
        return ""
    return (
        f"the {len(accuracies)} accuracies differ no more than the noise alone would make them, so "
        "the search could choose by step time and parameters only (more --epochs, more images or "
        "a wider --space)"
    )


def _unsteady(first: Outcome) -> str:
    if first.unsteady is None:
        return ""
    return f"the winner's step time is unsteady: {first.unsteady} (nas bench measures it again)"
