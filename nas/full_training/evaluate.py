"""What a trained network reaches on the test split, which nothing else reads, or on another."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from nas.data.decode import Crop
from nas.data.given import import_data
from nas.data.images import Images, images
from nas.data.load import load_test_data
from nas.data.split import EvaluationSplit
from nas.errors import MetricError, UserError
from nas.full_training.checkpoint import TrainedNetwork
from nas.metrics.functions import (
    PredictionCounts,
    class_auroc,
    class_average_precision,
    label_ranks,
    rankings,
)
from nas.metrics.metric_function import MetricFunction
from nas.metrics.registry import FEWEST_CLASSES_FOR_TOP_5, Labels, check_metric, find_metric
from nas.training.validation import Portion, metric_labels, outputs
from results.noise import wilson_interval
from reward.metric import ACCURACY, TOP_5, Metric
from reward.step_time.clocks import device_name, to_channels_last
from reward.step_time.memory_and_latency import is_out_of_memory

_MOST_RANKED = 2 * 10**7  # logits, of which rankings take a few seconds


@dataclass(frozen=True)
class Share:
    """A share: ``count`` of ``total``, with its 95 % interval."""

    count: int
    total: int

    @property
    def value(self) -> float:
        """The share, in [0, 1]."""
        return self.count / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the binomial proportion (:func:`wilson_interval`)."""
        return wilson_interval(self.value, self.total)


@dataclass(frozen=True)
class Measured:
    """The value of a metric in [0, 1], with its 95 % interval, None if that is not known."""

    metric: Metric
    value: float
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class ClassFigures:
    """What a network reaches on the images of one class; None stands for 0 of 0.

    Where an image has one class, ``precision``, ``recall`` and ``f1`` are of the largest logit.
    Where it may have several, there is no such choice, so the class's images are ranked:
    ``average_precision`` and ``auroc``, which are None otherwise.
    """

    name: str
    images: int
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    average_precision: float | None = None
    auroc: float | None = None


@dataclass(frozen=True)
class TestResult:
    """The result of an evaluation on a test split, or with ``is_validation`` a validation split.

    ``top_5`` is None if there are fewer than six classes, ``metrics`` are the others that were
    measured. ``classes`` are by label. ``confusion`` counts the images of a class, by row, that
    were taken for each class, by column; None where an image may have several classes. ``split`` is
    the data set's own name of the split, empty if it is unknown. ``unreadable`` are the image files
    that were skipped. ``crop`` is the part that was taken of each image.
    """

    top_1: Share
    top_5: Share | None
    images_per_s: float
    image_size: int
    device: str
    unreadable: tuple[str, ...]
    split: str = ""
    is_validation: bool = False
    crop: Crop = "square"
    metrics: tuple[Measured, ...] = ()
    classes: tuple[ClassFigures, ...] = ()
    confusion: Tensor | None = None

    def value(self, metric: str) -> float:
        """Return the value in [0, 1] of a metric that was measured, by its name."""
        return self._of(metric).value

    def interval(self, metric: str) -> tuple[float, float] | None:
        """Return the 95 % interval of that value, None if it is not known."""
        return self._of(metric).interval

    def _of(self, metric: str) -> Share | Measured:
        if metric == TOP_5 and self.top_5 is not None:
            return self.top_5
        named = {measured.metric.name: measured for measured in self.metrics}
        return self.top_1 if metric == ACCURACY else named[metric]


def evaluate(
    trained: TrainedNetwork,
    data: str,
    batch_size: int,
    device: torch.device,
    split: EvaluationSplit | None = None,
    metrics: Sequence[MetricFunction] | None = None,
    trained_by: MetricFunction | None = None,
    crop: Crop = "square",
    image_size: int | None = None,
) -> TestResult:
    """Measure a network on a split of ``data``, at ``image_size`` pixels.

    None stands for the test split, or without one the validation split; for the metrics that
    such labels have (:func:`usual_metrics`); and for the network's evaluation size. Accuracy, top-5
    and ``trained_by`` are always measured.

    Raises:
        UserError: the data are missing, have no such split, or have other classes or channels than
            the network; a batch does not fit into memory; or they do not have a metric.
    """
    import_data(data)
    size, task = image_size or trained.file.eval_size, trained.file.task
    options = replace(trained.data_options, crop=crop)
    loaded = load_test_data(data, size, trained.class_names, options, split)
    channels = int(loaded.test.pixels.shape[1])
    for what, got, expected in (
        ("classes", loaded.classes, task.classes),
        ("channels", channels, task.in_channels),
    ):
        if got != expected:
            raise UserError(
                f"--data: got {data!r} with {got} {what}, must have {expected}, as in training"
            )
    labels = loaded.test.labels
    for function in metrics or ():
        check_metric(function, labels, task.classes)
    chosen = [*(usual_metrics(labels, task.classes) if metrics is None else metrics)]
    if trained_by is not None and trained_by not in chosen:
        chosen.append(trained_by)
    chosen = [function for function in chosen if not function.metric.is_share]
    with _enough_memory(batch_size):
        test = images(loaded.test, device, trained.normalization, task.classes)
        network = to_channels_last(trained.build(), device)
        for count in {min(batch_size, len(test)), len(test) % batch_size} - {0}:  # warm-up
            # A GPU chooses and loads its kernels at the first batch of a size: the last one's too.
            predict(network, replace(test, labels=test.labels[:count]), batch_size)
        start = time.perf_counter()
        predictions = predict(network, test, batch_size, keeps_logits=bool(chosen))
        seconds = time.perf_counter() - start
    has_top_5 = task.classes >= FEWEST_CLASSES_FOR_TOP_5
    names = trained.class_names or tuple(map(str, range(task.classes)))
    return TestResult(
        top_1=Share(int((predictions.ranks < 1).sum()), len(test)),
        top_5=Share(int((predictions.ranks < 5).sum()), len(test)) if has_top_5 else None,
        images_per_s=len(test) / seconds,
        image_size=size,
        device=device_name(device),
        unreadable=loaded.unreadable,
        split=loaded.split,
        is_validation=loaded.is_validation,
        crop=crop,
        metrics=tuple(_measured(function, predictions) for function in chosen),
        classes=class_figures(predictions, names),
        confusion=confusion(predictions, task.classes),
    )


def usual_metrics(labels: Labels, classes: int) -> list[MetricFunction]:
    """Return the metrics that are measured without being asked for, by the form of the labels.

    Those of rankings are left out for very many logits, of which they would take long.
    """
    is_multi_label = labels.ndim > 1
    names = [] if is_multi_label else ["balanced_accuracy", "macro_f1"]
    if len(labels) * classes <= _MOST_RANKED and len(np.unique(labels[labels >= 0])) > 1:
        names += ["auroc", "map"] if is_multi_label else ["auroc"]
    return [find_metric(name) for name in names]


def _measured(function: MetricFunction, predictions: Predictions) -> Measured:
    logits, labels = predictions.logits, predictions.labels
    assert logits is not None
    try:
        value = function.value(logits, labels)
        count = function.effective_images(logits, labels)
    except MetricError as error:
        raise UserError(f"--metric: {error}", exit_code=1) from error
    return Measured(
        function.metric, value, None if count is None else wilson_interval(value, count)
    )


@contextmanager
def _enough_memory(batch_size: int) -> Iterator[None]:
    """Turn an error about memory that ran out into one that names --batch-size."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(
            f"out of memory in evaluation: --batch-size: got {batch_size}, must be smaller",
            exit_code=1,
        ) from error


@dataclass(frozen=True)
class Predictions:
    """What a network says of images, on the CPU.

    ``ranks`` (N,) are those of :func:`nas.metrics.functions.label_ranks`, ``predicted`` (N,) the
    classes of the largest logits, and ``labels`` are (N,), or (N, classes) of 0 and 1. ``logits``
    (N, classes) are None if they were not kept.
    """

    ranks: Tensor
    predicted: Tensor
    labels: Tensor
    logits: Tensor | None


def predict(
    network: nn.Module, test: Images, batch_size: int, keeps_logits: bool = False
) -> Predictions:
    """Return the predictions for all images."""
    parts: list[tuple[Tensor, Tensor]] = []
    kept: list[Tensor] = []
    for logits, labels in outputs(network, test, torch.arange(len(test)), Portion(batch_size)):
        parts.append((label_ranks(logits, labels), logits.argmax(1)))
        if keeps_logits:
            kept.append(logits.float().cpu())
    found, predicted = (torch.cat(column).cpu() for column in zip(*parts, strict=True))
    labels = metric_labels(test.targets(slice(None))).cpu()
    return Predictions(found, predicted, labels, torch.cat(kept) if kept else None)


def class_figures(predictions: Predictions, names: Sequence[str]) -> tuple[ClassFigures, ...]:
    """Return the figures of each class, by label."""
    labels, logits = predictions.labels, predictions.logits
    if labels.ndim == 1:
        weights = torch.ones(len(labels), dtype=torch.float64)
        counts = PredictionCounts.of(predictions.predicted, labels, len(names), weights)
        columns = (counts.images, counts.precision, counts.recall, counts.f1)
        rows = zip(names, *(column.tolist() for column in columns), strict=True)
        return tuple(
            ClassFigures(name, int(count), *(None if math.isnan(x) else x for x in shares))
            for name, count, *shares in rows
        )
    ranked = {} if logits is None else dict(rankings(logits, labels))
    weights = torch.ones(len(labels), dtype=torch.float64)
    sizes = labels.sum(0).tolist()
    found = []
    for label, (name, size) in enumerate(zip(names, sizes, strict=True)):
        figures = ClassFigures(name, size)
        if label in ranked:
            precision, area = (
                float(metric(ranked[label], weights))
                for metric in (class_average_precision, class_auroc)
            )
            figures = replace(figures, average_precision=precision, auroc=area)
        found.append(figures)
    return tuple(found)


def confusion(predictions: Predictions, classes: int) -> Tensor | None:
    """Return how many images of each class, by row, were taken for each; None for several labels.

    Of shape (classes, classes), int64.
    """
    labels = predictions.labels
    if labels.ndim > 1:
        return None
    pairs = labels * classes + predictions.predicted
    return pairs.bincount(minlength=classes**2).view(classes, classes)
