"""What makes a run's result doubtful, each in one sentence; empty if it does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from results.noise import Noise, Outcome
from reward.metric import ACCURACY, Metric, recorded_metric

_FEWEST_TO_DIFFER = 10  # candidates, to say whether they differ at all
_OFTEN = 1.645  # the normal distribution's quantile at 0.95


def seeds_unknown(settings: Mapping[str, Any], metric: Metric) -> str:
    """Return that the noise of seeds is not known, and what would measure it here."""
    option = "--confirm-seeds 2" if settings.get("confirm") else "--baseline 3"
    how = "" if settings.get("fit") else f" ({option} measures it)"
    return (
        f"how much the {metric.title} differs between seeds is not known, so the winner is less "
        f"sure than that{how}"
    )


def guessing(
    accuracy: float, interval: tuple[float, float] | None, settings: Mapping[str, Any]
) -> str:
    """Return that the winner's accuracy is no better than guessing by the classes' frequencies."""
    chance, metric = settings.get("guessing_accuracy"), recorded_metric(settings)
    if not isinstance(chance, float) or interval is None or interval[0] > chance:
        return ""
    how = "always naming the most frequent class" if metric.name == ACCURACY else "guessing"
    return (
        f"the winner's {metric.title}, {100 * accuracy:.1f} %, is no better than {how}, "
        f"{100 * chance:.1f} %: the networks have learned nothing yet (more "
        "--epochs, another --image-size, or the labels are wrong)"
    )


def alike(candidates: Sequence[Outcome], noise: Noise) -> str:
    """Return that the accuracies differ no more than the noise would make them; else nothing.

    Compared is the sum of squares in units of the noise, which is then chi-squared.
    """
    images = noise.share_of([outcome.effective_images for outcome in candidates])
    if images is None or len(candidates) < _FEWEST_TO_DIFFER:
        return ""
    accuracies = [outcome.accuracy for outcome in candidates]
    middle = fmean(accuracies)
    variance = middle * (1 - middle) / images + (noise.seed_deviation or 0.0) ** 2
    squares = sum((accuracy - middle) ** 2 for accuracy in accuracies) / max(variance, 1e-12)
    degrees = len(accuracies) - 1
    if squares > degrees + _OFTEN * (2 * degrees) ** 0.5:
        return ""
    values = "accuracies" if noise.metric.name == ACCURACY else f"values of {noise.metric.title}"
    return (
        f"the {len(accuracies)} {values} differ no more than the noise alone would make them, so "
        "the search could choose by step time and parameters only (more --epochs, more images or "
        "a wider --space)"
    )


def unsteady(first: Outcome) -> str:
    """Return that the winner's step time was disturbed, and by what."""
    if first.unsteady is None:
        return ""
    return f"the winner's step time is unsteady: {first.unsteady} (nas bench measures it again)"
