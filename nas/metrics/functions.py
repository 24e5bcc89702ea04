"""The metrics as functions of logits and labels, for one weight an image or many at once.

Each takes logits (N, classes), labels, and weights (R, N), and returns R values in [0, 1]. An image
of weight w counts as w copies of it, so that a row of weights is a resample of the images. Labels
are (N,) int64, or (N, classes) of 0 and 1 where an image may have several classes.

Classes without an image among the labels are left out of means over classes. Formulas, and what
happens to ties, are those of scikit-learn; scores are the softmax of the logits, as networks are
trained by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

WeightedMetric = Callable[[Tensor, Tensor, Tensor], Tensor]


def accuracy(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Return the share of images whose largest logit is that of (one of) their classes."""
    return _shares(label_ranks(logits, labels) < 1, weights)


def top5(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Return the share of images of which (one of) the classes is among the five largest logits."""
    return _shares(label_ranks(logits, labels) < 5, weights)


def balanced_accuracy(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Return the mean over classes of the share of their images that are classified correctly."""
    counts = PredictionCounts.of(logits, labels, weights)
    return _mean_over(counts.images > 0, counts.hits / counts.images.clamp(min=1))


def macro_f1(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Return the mean over classes of F1, the harmonic mean of precision and recall."""
    counts = PredictionCounts.of(logits, labels, weights)
    f1 = 2 * counts.hits / (counts.images + counts.predictions).clamp(min=1)
    return _mean_over(counts.images > 0, f1)


def auroc(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Return the mean over classes of the area under the ROC curve of one class against the rest.

    It is the probability that an image of the class has a higher score than another image; equal
    scores count for one half.
    """
    return _mean_over_classes(_class_auroc, logits, labels, weights)


def mean_average_precision(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Return the mean over classes of the average precision, without interpolation.

    A class's is the mean over its images of the precision among all images of at least that score.
    """
    return _mean_over_classes(_class_average_precision, logits, labels, weights)


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


def _shares(is_hit: Tensor, weights: Tensor) -> Tensor:
    return weights @ is_hit.to(weights.dtype) / weights.sum(1)


class PredictionCounts:
    """By class: how many images it has, how often it was predicted, and how often rightly.

    All are (R, classes), sums of weights (R, N).
    """

    def __init__(self, predicted: Tensor, labels: Tensor, classes: int, weights: Tensor) -> None:
        """``predicted`` and ``labels`` are classes (N,)."""

        def sums(values: Tensor, by_class: Tensor) -> Tensor:
            zeros = values.new_zeros(len(values), classes)
            return zeros.index_add_(1, by_class, values)

        self.images = sums(weights, labels)
        self.predictions = sums(weights, predicted)
        self.hits = sums(weights * (predicted == labels), labels)

    @classmethod
    def of(cls, logits: Tensor, labels: Tensor, weights: Tensor) -> PredictionCounts:
        """Count the predictions of the largest logit."""
        return cls(logits.argmax(1), labels, logits.shape[1], weights)


def _mean_over(is_counted: Tensor, values: Tensor) -> Tensor:
    """Return the mean of values (R, classes) over the classes that count."""
    return (values * is_counted).sum(1) / is_counted.sum(1)


# Rankings of the images by a class's score.


def class_scores(logits: Tensor, labels: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Yield each class that some but not all images have: its number, scores (N,), and who has it.

    Scores are the softmax of the logits, in double precision.
    """
    scores = logits.double().softmax(1)
    for label in range(logits.shape[1]):
        is_of_class = labels == label if labels.ndim == 1 else labels[:, label] > 0
        count = int(is_of_class.sum())
        if 0 < count < len(labels):
            yield label, scores[:, label], is_of_class


_ClassMetric = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def _mean_over_classes(
    metric: _ClassMetric, logits: Tensor, labels: Tensor, weights: Tensor
) -> Tensor:
    """Return the mean of a class's metric over the classes that are in each of the resamples."""
    total, count = weights.new_zeros(len(weights)), weights.new_zeros(len(weights))
    for _, scores, is_of_class in class_scores(logits, labels):
        values, is_known = metric(scores, is_of_class, weights)
        total += torch.where(is_known, values, 0)
        count += is_known
    return total / count


class _Ranking:
    """Images by descending score; ``hits`` and ``others`` (R, N) are the weights of the images of
    the class and of the rest, and those of equal score form a group."""

    def __init__(self, scores: Tensor, is_of_class: Tensor, weights: Tensor) -> None:
        ranked, order = scores.sort(descending=True)
        is_last = torch.cat([ranked.diff() != 0, ranked.new_ones(1, dtype=torch.bool)])
        ends = is_last.nonzero()[:, 0] + 1
        sizes = ends.diff(prepend=ends.new_zeros(1))
        self._last = (ends - 1).repeat_interleave(sizes)  # (N,): the last image of each one's group
        self._sizes = sizes
        is_hit = is_of_class[order]
        self.hits = weights[:, order] * is_hit
        self.others = weights[:, order] * ~is_hit

    def up_to_group(self, values: Tensor) -> Tensor:
        """Return the sums (R, N) of values up to the end of each image's group."""
        return values.cumsum(1)[:, self._last]

    def in_group(self, values: Tensor) -> Tensor:
        """Return the sums (R, N) of values within each image's group."""
        sums = values.cumsum(1)[:, self._sizes.cumsum(0) - 1]
        sums = sums.diff(dim=1, prepend=sums.new_zeros(len(sums), 1))
        return sums.repeat_interleave(self._sizes, 1)


def _class_auroc(scores: Tensor, is_of_class: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    ranking = _Ranking(scores, is_of_class, weights)
    positives, negatives = ranking.hits.sum(1), ranking.others.sum(1)
    above = ranking.up_to_group(ranking.others) - ranking.in_group(ranking.others) / 2
    pairs = positives * negatives
    lost = (ranking.hits * above).sum(1)
    return 1 - lost / pairs.clamp(min=1), pairs > 0


def _class_average_precision(
    scores: Tensor, is_of_class: Tensor, weights: Tensor
) -> tuple[Tensor, Tensor]:
    ranking = _Ranking(scores, is_of_class, weights)
    found = ranking.up_to_group(ranking.hits)
    taken = found + ranking.up_to_group(ranking.others)
    positives = ranking.hits.sum(1)
    precision = found / taken.clamp(min=1)
    return (ranking.hits * precision).sum(1) / positives.clamp(min=1), positives > 0
