"""A metric that can be computed: one of ours, or a user's own function of logits and labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from nas.errors import MetricError
from nas.metrics.functions import FUNCTIONS
from nas.metrics.noise import effective_images, linear_variance, resampled_variance
from reward.metric import METRICS, Metric

UserMetric = Callable[[Tensor, Tensor], Any]
"""Maps logits (N, classes) float32 and labels, both on the CPU, to a number in [0, 1].

Labels are (N,) int64, or (N, classes) int64 of 0 and 1 where an image may have several classes.
"""

_ROUNDING = 1e-6


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
            weights = torch.ones(len(labels), dtype=torch.float64, device=logits.device)
            return self._checked(FUNCTIONS[self.metric.name](logits, labels, weights))
        try:
            found = self.function(logits.float().cpu(), labels.cpu())
        except Exception as error:  # of any type, as it is the user's code
            what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise MetricError(f"{self.metric.name}: raised {what}") from error
        return self._checked(found)

    def effective_images(self, logits: Tensor, labels: Tensor) -> float | None:
        """Return of how many images a share would be as noisy (:mod:`nas.metrics.noise`).

        None if a user's function has no value for most of the images' resamples.
        """
        if self.function is None:
            variance: float | None = linear_variance(self.metric.name, logits, labels)
        else:
            variance = resampled_variance(self.value, logits, labels)
        if variance is None:
            return None
        value = self.value(logits, labels)
        return effective_images(self.metric.name, value, len(labels), variance)

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


ACCURACY = MetricFunction(METRICS["accuracy"])
