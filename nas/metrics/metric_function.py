"""A metric that can be computed: one of ours, or a user's own function of logits and labels."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from nas.errors import MetricError
from nas.metrics.functions import FUNCTIONS
from reward.metric import METRICS, Metric

UserMetric = Callable[[Tensor, Tensor], Any]
"""Maps logits (N, classes) float32 and labels, both on the CPU, to a number in [0, 1].

Labels are (N,) int64, or (N, classes) int64 of 0 and 1 where an image may have several classes.
"""

RESAMPLES = 200
_USER_RESAMPLES, _FEWEST_USER_RESAMPLES, _USER_SECONDS = 100, 20, 10.0
_WEIGHTS_AT_ONCE = 2**22  # 32 MiB
_RANKINGS = ("auroc", "map")
_MOST_OF_RANKINGS = 4  # effective images, by images


@dataclass(frozen=True)
class MetricFunction:
    """A metric with what computes it: ``function`` is a user's, None for one of ours."""

    metric: Metric
    function: UserMetric | None = None

    def value(self, logits: Tensor, labels: Tensor) -> float:
        """Return the metric of logits (N, classes) and labels (N,) or (N, classes) of 0 and 1.

        Raises:
            MetricError: the function raised an error, or returned anything but a number from 0
                to 1.
        """
        if self.function is None:
            weights = torch.ones(1, len(labels), dtype=torch.float64, device=logits.device)
            values = FUNCTIONS[self.metric.name](logits, labels, weights)
            return self._checked(float(values[0]))
        try:
            found = self.function(logits.float().cpu(), labels.cpu())
        except Exception as error:  # of any type, as it is the user's code
            what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise MetricError(f"{self.metric.name}: raised {what}") from error
        return self._checked(found)

    def effective_images(self, logits: Tensor, labels: Tensor) -> float | None:
        """Return of how many images a share would be as noisy as this metric is on these.

        Its variance is that among resampled images (bootstrap), drawn within each class where an
        image has one class, as a minival is held out. A share A of n images has the variance
        A (1 - A) / n, so n follows from it, and with n the interval (:mod:`results.noise`). Without
        any error there is no variance, so n is at most the number of images; four times that for
        metrics of rankings, which are less noisy. Coverage: ``benchmarks/intervals.py``.

        None if a user's function has no value for most of the resamples.
        """
        most = float(len(labels)) * (_MOST_OF_RANKINGS if self.metric.name in _RANKINGS else 1)
        value = self.value(logits, labels)
        values = [each for each in self._resampled(logits, labels) if math.isfinite(each)]
        if len(values) < _FEWEST_USER_RESAMPLES / 2:
            return None
        variance = torch.tensor(values, dtype=torch.float64).var().item()
        return min(most, max(1.0, value * (1 - value) / max(variance, 1e-12)))

    def _resampled(self, logits: Tensor, labels: Tensor) -> Iterator[float]:
        """Yield the metric of one resample of the images after the other."""
        is_ours = self.function is None
        at_once = max(1, _WEIGHTS_AT_ONCE // len(labels))
        end = time.monotonic() + _USER_SECONDS
        generator = torch.Generator().manual_seed(0)
        done, total = 0, RESAMPLES if is_ours else _USER_RESAMPLES
        while done < total:
            counts = resample_counts(labels, min(at_once, total - done), generator)
            if is_ours:
                weights = counts.double().to(logits.device)
                yield from FUNCTIONS[self.metric.name](logits, labels, weights).tolist()
                done += len(counts)
                continue
            for row in counts:
                if done >= _FEWEST_USER_RESAMPLES and time.monotonic() > end:
                    return
                done += 1
                yield self._value_of_copies(logits, labels, row)

    def _value_of_copies(self, logits: Tensor, labels: Tensor, counts: Tensor) -> float:
        """Return the metric of the images, each so many times; NaN if it has no value there."""
        copies = torch.arange(len(labels)).repeat_interleave(counts).to(logits.device)
        try:
            return self.value(logits[copies], labels[copies])
        except MetricError:
            return math.nan

    def _checked(self, value: object) -> float:
        if isinstance(value, Tensor) and value.ndim == 0:
            value = value.item()
        got = f"a {type(value).__name__}"
        if isinstance(value, Real) and not isinstance(value, bool):
            number = float(value)
            if -_ROUNDING <= number <= 1 + _ROUNDING:
                return min(1.0, max(0.0, number))
            got = f"{number:g}"
        raise MetricError(f"{self.metric.name}: returned {got}, must be a number from 0 to 1")


_ROUNDING = 1e-6

ACCURACY = MetricFunction(METRICS["accuracy"])


def resample_counts(labels: Tensor, resamples: int, generator: torch.Generator) -> Tensor:
    """Draw images with replacement; return how often each is drawn, (resamples, N) int64.

    Of each class as many are drawn as there are, if an image has one class.
    """
    labels = labels.cpu()
    if labels.ndim > 1:
        labels = torch.zeros(len(labels), dtype=torch.int64)
    order = labels.argsort(stable=True)
    sizes = labels.bincount()
    of_place = labels[order]  # the class of each place in the order
    uniforms = torch.rand(resamples, len(labels), generator=generator, dtype=torch.float64)
    places = (sizes.cumsum(0) - sizes)[of_place] + (uniforms * sizes[of_place]).long()
    drawn = order[places]
    return torch.zeros_like(drawn).scatter_add_(1, drawn, torch.ones_like(drawn))
