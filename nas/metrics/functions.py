"""The metrics as functions of logits and labels, in which each image has a weight.

Each takes logits (N, classes), labels, and weights (N,), and returns a number in [0, 1], as a
tensor. An image of weight w counts as w copies of it, so the derivative by the weights tells how
much each image matters, from which the metric's noise follows (:mod:`nas.metrics.noise`). Labels
are (N,) int64, or (N, classes) of 0 and 1 where an image may have several classes.

Classes without an image among the labels are left out of means over classes. Formulas, and what
happens to ties, are those of scikit-learn; scores are the softmax of the logits, as networks are
trained by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

WeightedMetric = Callable[[Tensor, Tensor, Tensor], Tensor]
ClassMetric = Callable[["Ranking", Tensor], Tensor]


def accuracy(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Return the share of images whose largest logit is that of (one of) their classes."""
    return _share(label_ranks(logits, labels) < 1, weights)


def top5(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Return the share of images of which (one of) the classes is among the five largest logits."""
    return _share(label_ranks(logits, labels) < 5, weights)


def balanced_accuracy(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Return the mean over classes of recall, the share of their images that are told rightly."""
    counts = PredictionCounts.of(logits.argmax(1), labels, logits.shape[1], weights)
    return counts.recall[counts.images > 0].mean()


def macro_f1(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Return the mean over classes of F1, the harmonic mean of precision and recall."""
    counts = PredictionCounts.of(logits.argmax(1), labels, logits.shape[1], weights)
    return counts.f1[counts.images > 0].mean()


def auroc(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Return the mean over classes of :func:`class_auroc`."""
    return _mean_over_classes(class_auroc, logits, labels, weights)


def mean_average_precision(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Return the mean over classes of :func:`class_average_precision`."""
    return _mean_over_classes(class_average_precision, logits, labels, weights)


FUNCTIONS: dict[str, WeightedMetric] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "macro_f1": macro_f1,
    "top5": top5,
    "auroc": auroc,
    "map": mean_average_precision,
}
"""By the names in :data:`reward.metric.METRICS`."""


# Shares and counts.


def label_ranks(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the rank (N,), from 0, of each image's label among the logits.

    For an image with several labels, it is the rank of the label with the largest logit.
    """
    order = logits.argsort(1, descending=True)  # (N, classes): the classes by rank
    is_label = order == labels[:, None] if labels.ndim == 1 else labels.gather(1, order) > 0
    return is_label.int().argmax(1)


def _share(is_hit: Tensor, weights: Tensor) -> Tensor:
    return (weights * is_hit).sum() / weights.sum()


@dataclass(frozen=True)
class PredictionCounts:
    """By class: how many images it has, how often it was predicted, and how often rightly."""

    images: Tensor
    predictions: Tensor
    hits: Tensor

    @classmethod
    def of(
        cls, predicted: Tensor, labels: Tensor, classes: int, weights: Tensor
    ) -> PredictionCounts:
        """Count ``predicted`` and ``labels``, classes (N,), with the weights (N,)."""

        def sums(values: Tensor, by_class: Tensor) -> Tensor:
            return values.new_zeros(classes).index_add(0, by_class, values)

        return cls(
            sums(weights, labels),
            sums(weights, predicted),
            sums(weights * (predicted == labels), labels),
        )

    @property
    def recall(self) -> Tensor:
        """The share of a class's images that are told rightly, NaN for one without images."""
        return self.hits / self.images

    @property
    def precision(self) -> Tensor:
        """The share of a class's predictions that are right, NaN for one never predicted."""
        return self.hits / self.predictions

    @property
    def f1(self) -> Tensor:
        """The harmonic mean of precision and recall, NaN without both images and predictions."""
        return 2 * self.hits / (self.images + self.predictions)


# Rankings of the images by their score for a class.


class Ranking:
    """Images by descending score for a class; those of equal score form a group.

    ``order`` (N,) are the images by rank, ``is_hit`` (N,) says which of them are of the class, and
    ``start`` and ``end`` (N,) are the ranks at which each one's group begins and ends.
    """

    def __init__(self, scores: Tensor, is_of_class: Tensor) -> None:
        ranked, self.order = scores.sort(descending=True)
        is_last = torch.cat([ranked.diff() != 0, ranked.new_ones(1, dtype=torch.bool)])
        ends = is_last.nonzero()[:, 0] + 1
        sizes = ends.diff(prepend=ends.new_zeros(1))
        self.end = ends.repeat_interleave(sizes)
        self.start = (ends - sizes).repeat_interleave(sizes)
        self.is_hit = is_of_class[self.order]

    def sums(self, values: Tensor) -> Tensor:
        """Return the sums (N + 1,) of values (N,) before each rank, and of all."""
        return torch.cat([values.new_zeros(1), values.cumsum(0)])


def rankings(logits: Tensor, labels: Tensor) -> Iterator[tuple[int, Ranking]]:
    """Yield each class that some but not all images have, with the images ranked for it.

    Scores are the softmax of the logits, in double precision.
    """
    scores = logits.double().softmax(1)
    for label in range(logits.shape[1]):
        is_of_class = labels == label if labels.ndim == 1 else labels[:, label] > 0
        if 0 < int(is_of_class.sum()) < len(labels):
            yield label, Ranking(scores[:, label], is_of_class)


def class_auroc(ranking: Ranking, weights: Tensor) -> Tensor:
    """Return the area under the ROC curve of one class against the rest.

    It is the probability that an image of the class has a higher score than another image; equal
    scores count for one half.
    """
    ranked = weights[ranking.order]
    hits, others = ranked * ranking.is_hit, ranked * ~ranking.is_hit
    sums = ranking.sums(others)
    above = (sums[ranking.start] + sums[ranking.end]) / 2
    return 1 - (hits * above).sum() / (hits.sum() * others.sum())


def class_average_precision(ranking: Ranking, weights: Tensor) -> Tensor:
    """Return the average precision of one class, without interpolation.

    It is the mean over its images of the precision among all images of at least that score.
    """
    ranked = weights[ranking.order]
    hits = ranked * ranking.is_hit
    found, taken = ranking.sums(hits)[ranking.end], ranking.sums(ranked)[ranking.end]
    is_counted = hits > 0
    return (hits * found / taken.clamp(min=1e-12))[is_counted].sum() / hits.sum()


CLASS_METRICS: dict[str, ClassMetric] = {"auroc": class_auroc, "map": class_average_precision}
"""The metrics that are means over rankings, one a class; by name."""


def _mean_over_classes(
    metric: ClassMetric, logits: Tensor, labels: Tensor, weights: Tensor
) -> Tensor:
    values = [metric(ranking, weights) for _, ranking in rankings(logits, labels)]
    return torch.stack(values).mean()
