"""A trained network at several image sizes: which it does best at (FixRes, arXiv 1906.06423).

Random crops show things larger in training than evaluation does, so that a network often does best
at a larger size than it was trained at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.full_training.evaluate import TestResult
from nas.metrics.metric_function import ACCURACY, MetricFunction
from reward.metric import Metric

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SizeResults:
    """The results of a network on the same images at several sizes, from the smallest on.

    The best is the one with the highest value of ``metric``.
    """

    results: tuple[TestResult, ...]
    metric: Metric

    @property
    def best(self) -> TestResult:
        """The result with the highest value; the smallest size of several, as it is the fastest."""
        return max(self.results, key=self.value)

    def value(self, result: TestResult) -> float:
        """Return the result's value of the metric that sizes are compared by, in [0, 1]."""
        return result.value(self.metric.name)

    def interval(self, result: TestResult) -> tuple[float, float] | None:
        """Return the 95 % interval of that value, None if it is not known."""
        return result.interval(self.metric.name)

    @property
    def is_chosen_on_test(self) -> bool:
        """Whether the best size is chosen by test images, and its value so too high."""
        return not self.results[0].is_validation

    def frame(self) -> pd.DataFrame:
        """Return a table with a row for each size; ``is_best`` marks the best."""
        import pandas as pd

        best = self.best
        rows = [
            {
                "image_size": result.image_size,
                self.metric.name: self.value(result),
                f"{self.metric.name}_ci": self.interval(result),
                "images_per_s": result.images_per_s,
                "is_best": result is best,
            }
            for result in self.results
        ]
        return pd.DataFrame(rows)


def evaluate_sizes(
    measure: Callable[[int], TestResult],
    sizes: Iterable[int],
    metrics: Sequence[MetricFunction] | None = None,
    trained_by: MetricFunction | None = None,
) -> SizeResults:
    """Measure a network at each of the sizes in pixels, once each, from the smallest on.

    Sizes are compared by the first of the ``metrics`` asked for, or else by the metric that the
    network was trained by, or else by accuracy.
    """
    by = metrics[0] if metrics else trained_by or ACCURACY
    return SizeResults(tuple(measure(size) for size in sorted(set(sizes))), by.metric)
