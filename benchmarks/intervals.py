"""Whether the 95 % interval of each metric holds the true value, by simulation.

python -m benchmarks.intervals [--repeats 400] [--metric macro_f1 ...]

A network is simulated by logits drawn at random, larger for an image's classes. What it would reach
on all images there are is measured on a large sample with the same share of each class. Then many
minivals are drawn, and it is counted how often their interval holds that value. Beside the coverage
stand the interval's mean width, and the standard deviation that it states over the true one. It
takes some minutes on one core.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean, stdev

import torch
from torch import Tensor

from nas.metrics.functions import macro_f1
from nas.metrics.metric_function import MetricFunction
from nas.metrics.registry import find_metric
from results.noise import Noise
from reward.metric import METRICS, describe_metric

LARGE_SAMPLE = 200_000
OWN = "your own"  # a function like a user's, so its noise is found by resampling


@dataclass(frozen=True)
class Case:
    """A minival: the images of each class, and how far their logits stand out."""

    name: str
    sizes: tuple[int, ...]
    signal: float
    has_several_labels: bool = False

    def draw(self, factor: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return logits and labels of so many times the minival's images."""
        labels = torch.arange(len(self.sizes)).repeat_interleave(factor * torch.tensor(self.sizes))
        targets = torch.nn.functional.one_hot(labels, len(self.sizes))
        if self.has_several_labels:
            others = torch.tensor(self.sizes) / sum(self.sizes) / 2
            drawn = torch.rand(targets.shape, generator=generator) < others
            targets = targets | drawn.long()
        noise = torch.randn(targets.shape, generator=generator)
        return noise + self.signal * targets, targets if self.has_several_labels else labels


CASES = (
    Case("10 classes of 29", (29,) * 10, 2.5),
    Case("10 classes of 500", (500,) * 10, 2.5),
    Case("hardly an error", (29,) * 10, 5.0),
    Case("rare classes, down to 5", (100, 50, 20, 10, 5), 2.0),
    Case("20 positives of 220", (200, 20), 1.5),
    Case("several labels", (100, 80, 60, 40, 20), 2.0, has_several_labels=True),
)


def main() -> None:
    """Print a line for each metric and case."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=400, metavar="N")
    parser.add_argument("--metric", nargs="*", default=[*METRICS, OWN], metavar="M")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{'metric':18} {'case':24} {'true':>6} {'holds':>7} {'width':>6} {'sd':>5}")
    for name in options.metric:
        for case in CASES:
            if not case.has_several_labels or name in ("accuracy", "auroc", "map"):
                _print_case(name, case, options.repeats)


def _function(name: str) -> MetricFunction:
    if name != OWN:
        return find_metric(name)
    return MetricFunction(describe_metric("own:f1"), own_f1)


def own_f1(logits: Tensor, labels: Tensor) -> float:
    """Macro F1, as a user's function."""
    return float(macro_f1(logits, labels, torch.ones(len(labels), dtype=torch.float64)))


def _print_case(name: str, case: Case, repeats: int) -> None:
    if name == "top5" and len(case.sizes) < 6:
        return
    function, generator = _function(name), torch.Generator().manual_seed(0)
    images = sum(case.sizes)
    true = function.value(*case.draw(max(1, LARGE_SAMPLE // images), generator))
    noise = Noise(images, metric=function.metric)
    values, stated, widths, held = [], [], [], 0
    for _ in range(repeats):
        value, count, interval = _measured(function, noise, lambda: case.draw(1, generator))
        values.append(value)
        stated.append(math.sqrt(value * (1 - value) / count))
        widths.append(interval[1] - interval[0])
        held += interval[0] <= true <= interval[1]
    share = held / repeats
    ratio = fmean(stated) / max(stdev(values), 1e-12)
    print(
        f"{name:18} {case.name:24} {true:6.3f} {100 * share:5.1f} % {fmean(widths):6.3f} "
        f"{ratio:5.2f}",
        flush=True,
    )


def _measured(
    function: MetricFunction, noise: Noise, draw: Callable[[], tuple[Tensor, Tensor]]
) -> tuple[float, float, tuple[float, float]]:
    """Return the metric of a minival, its effective images and its interval."""
    logits, labels = draw()
    value = function.value(logits, labels)
    own = None if function.metric.is_share else function.effective_images(logits, labels)
    count, interval = noise.share_of([own]), noise.accuracy_interval(value, images=own)
    assert count is not None
    assert interval is not None
    return value, count, interval


if __name__ == "__main__":
    main()
