"""Metrics by the name of ``--metric``: whether the data has them, and what guessing reaches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nas.data.minival import guessing_accuracy
from nas.data.split import NO_LABEL
from nas.errors import MetricError, UserError, first_of
from nas.imports import check_reference, import_named
from nas.metrics.metric_function import ACCURACY, MetricFunction
from reward.metric import METRICS, describe_metric
from search_space.named import NotImported, lookup_function

FEWEST_CLASSES_FOR_TOP_5 = 6
_FOR_ONE_LABEL = ("balanced_accuracy", "macro_f1")  # they compare predictions, one an image
_TRIAL_IMAGES, _TRIAL_LOGITS, _TRIALS = 2000, 2**22, 8  # of a user's function

Labels = NDArray[np.int64]
"""Labels (N,), or (N, L) padded with -1 if an image has up to L classes."""


def find_metric(name: str) -> MetricFunction:
    """Return the metric of a name: one of ours, or a function of an imported module.

    Raises:
        NotImported: the module of a user's function is not imported.
        ValueError: there is no such metric.
    """
    if name in METRICS:
        return MetricFunction(METRICS[name])
    own = "a function of logits and labels as package.module:function"
    check_reference(name, METRICS, own)
    return MetricFunction(describe_metric(name), lookup_function(name))


def metric_named(name: str | None, option: str = "--metric") -> MetricFunction:
    """Return the metric that the user names, whose module is imported; accuracy for None.

    Raises:
        UserError: there is none of that name.
    """
    if name is None:
        return ACCURACY
    import_named(name, option)
    return recorded_function(name, option)


def recorded_function(name: str, option: str) -> MetricFunction:
    """Return the metric of a file; nothing is imported.

    Raises:
        UserError: there is none of that name, or its module is not imported.
    """
    try:
        return find_metric(name)
    except NotImported as error:
        raise UserError(f"{option}: its metric: {error}") from error
    except ValueError as error:
        raise UserError(f"{option}: {error}") from error


def known_function(name: str) -> MetricFunction | None:
    """Return the metric of a file; None if its module is not imported, or there is none."""
    try:
        return find_metric(name)
    except ValueError:
        return None


def check_metric(
    function: MetricFunction, labels: Labels, classes: int, option: str = "--metric"
) -> None:
    """Check that images with these labels have the metric.

    A user's function is tried on logits that were drawn at random.

    Raises:
        UserError: they have not, or the function does not give a number from 0 to 1.
    """
    name, is_multi_label = function.metric.name, labels.ndim > 1
    if name == "top5" and classes < FEWEST_CLASSES_FOR_TOP_5:
        raise UserError(
            f"{option}: got top5 with {classes} classes, must have {FEWEST_CLASSES_FOR_TOP_5} or "
            "more of them"
        )
    if is_multi_label and name in _FOR_ONE_LABEL:
        raise UserError(
            f"{option}: got {name} with several labels an image, must be map, auroc, accuracy or "
            "top5 there, or a function of your own"
        )
    present = len(_class_sizes(labels, classes).nonzero()[0])
    if name in ("auroc", "map") and present < 2:
        raise UserError(f"{option}: got {name} with images of one class, must have two or more")
    if function.function is not None:
        try:
            function.value(*next(_trials(labels, classes)))
        except MetricError as error:
            raise UserError(f"{option}: {error} (tried on random logits)") from error


def note_on_classes(
    function: MetricFunction, labels: Labels, classes: int, names: tuple[str, ...]
) -> str | None:
    """Return a line on classes without an image, if the metric is a mean over classes.

    ``names`` are the classes' by label; it may be empty.
    """
    names = names or tuple(map(str, range(classes)))
    if function.metric.is_share or function.function is not None:
        return None
    missing = [names[label] for label in np.flatnonzero(_class_sizes(labels, classes) == 0)]
    if not missing:
        return None
    return (
        f"{function.metric.title} is the mean over {classes - len(missing)} of {classes} classes; "
        f"the others have no image in the minival: {first_of(missing, len(missing))}"
    )


def guessing_value(function: MetricFunction, labels: Labels, classes: int) -> float | None:
    """Return the metric of guessing by the classes' frequencies alone, in [0, 1].

    For a share it is that of always naming the most frequent classes. For a user's function, it is
    the mean over random guesses, in proportion to the frequencies; None if that has no value.
    """
    sizes = _class_sizes(labels, classes)
    shares = sizes[sizes > 0] / len(labels)
    match function.metric.name:
        case "accuracy":
            return guessing_accuracy(labels)
        case "top5":
            rows = labels if labels.ndim > 1 else labels[:, None]
            return float(np.isin(rows, np.argsort(-sizes, kind="stable")[:5]).any(1).mean())
        case "balanced_accuracy" | "macro_f1":
            return 1 / len(shares)
        case "auroc":
            return 0.5
        case "map":
            return float(shares.mean())
    try:
        return float(np.mean([function.value(*trial) for trial in _trials(labels, classes)]))
    except MetricError:
        return None


def _class_sizes(labels: Labels, classes: int) -> NDArray[np.int64]:
    """Return the number of images of each class; an image has each of its classes once."""
    return np.bincount(labels[labels != NO_LABEL], minlength=classes)


def class_labels(labels: Labels, classes: int) -> Tensor:
    """Return labels as metrics take them: (N,), or (N, classes) of 0 and 1."""
    if labels.ndim == 1:
        return torch.tensor(labels)
    padded = torch.zeros(len(labels), classes + 1, dtype=torch.int64)
    places = torch.tensor(np.where(labels == NO_LABEL, classes, labels))
    return padded.scatter_(1, places, 1)[:, :classes]


def _trials(labels: Labels, classes: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield logits of random guesses in proportion to the classes' frequencies, and labels."""
    generator = np.random.default_rng(0)
    count = max(2, min(_TRIAL_IMAGES, _TRIAL_LOGITS // classes))
    kept = np.sort(generator.permutation(len(labels))[:count])
    tried = class_labels(labels[kept], classes)
    frequencies = np.log(_class_sizes(labels, classes) + 1e-3)
    for _ in range(_TRIALS):
        noise = generator.gumbel(size=(len(kept), classes))  # whose argmax has those frequencies
        yield torch.tensor(frequencies + noise, dtype=torch.float32), tried
