"""The noise of a metric that is no share of the images, in units of images.

A share A of n independent images has the variance A (1 - A) / n. Another metric with the value A
and the variance v is as noisy as a share of n = A (1 - A) / v *effective images*, and with n, all
that holds for shares gives its interval (:mod:`results.noise`). On a metric without any error the
images show no variance, so n is bounded: by the number of images, or four times that for metrics of
rankings, which are less noisy. Coverage is measured by ``benchmarks/intervals.py``.

The variance of our own metrics follows from their derivatives by the images' weights (infinitesimal
jackknife: Efron, Biometrika 68, 1981; for AUROC this is DeLong's). That of a user's function is
estimated by resampling the images (bootstrap). Images are drawn within each class where an image
has one class, as a minival is held out.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor

from nas.errors import MetricError
from nas.metrics.functions import CLASS_METRICS, FUNCTIONS, rankings

RESAMPLES = 100
_FEWEST_RESAMPLES, _MOST_SECONDS = 20, 10.0  # a slow function is resampled less often
_MOST_OF_RANKINGS = 4  # effective images, by images


def effective_images(name: str, value: float, images: int, variance: float) -> float:
    """Return of how many images a share would be as noisy as the metric with this variance."""
    most = float(images) * (_MOST_OF_RANKINGS if name in CLASS_METRICS else 1)
    of_one = value * (1 - value)
    return most if variance <= of_one / most else max(1.0, of_one / variance)


def linear_variance(name: str, logits: Tensor, labels: Tensor) -> float:
    """Return the variance of one of our metrics, by the derivatives of its images' weights."""
    with torch.inference_mode(False), torch.enable_grad():
        logits, labels = logits.clone(), labels.clone()  # those of inference have no derivatives
        influences = _influences(name, logits, labels)
    total = 0.0
    for members in _strata(labels):
        within = influences[members]
        factor = len(members) / max(1, len(members) - 1)
        total += factor * float((within - within.mean()).square().sum())
    return total


def _influences(name: str, logits: Tensor, labels: Tensor) -> Tensor:
    """Return the derivative (N,) of the metric by each image's weight, at weights of 1."""
    weights = torch.ones(len(labels), dtype=torch.float64, device=logits.device)
    weights.requires_grad_()
    if name not in CLASS_METRICS:
        (derivative,) = torch.autograd.grad(FUNCTIONS[name](logits, labels, weights), weights)
        return derivative
    total, count = torch.zeros_like(weights), 0
    for _, ranking in rankings(logits, labels):  # one after the other, as a graph takes memory
        value = CLASS_METRICS[name](ranking, weights)
        total = total + torch.autograd.grad(value, weights)[0]
        count += 1
    return total / count


def resampled_variance(
    metric: Callable[[Tensor, Tensor], float], logits: Tensor, labels: Tensor
) -> float | None:
    """Return the variance of a metric among resampled images.

    None if it has no value for most of the resamples, of which the MetricError is caught.
    """
    end = time.monotonic() + _MOST_SECONDS
    strata = _strata(labels)
    generator = torch.Generator().manual_seed(0)
    values: list[float] = []
    for done in range(RESAMPLES):
        if done >= _FEWEST_RESAMPLES and time.monotonic() > end:
            break
        draws = [
            members[torch.randint(len(members), (len(members),), generator=generator)]
            for members in strata
        ]
        drawn = torch.cat(draws).to(logits.device)
        try:
            values.append(metric(logits[drawn], labels[drawn]))
        except MetricError:
            values.append(math.nan)
    known = [value for value in values if math.isfinite(value)]
    if len(known) < max(2, len(values) / 2):
        return None
    return float(torch.tensor(known, dtype=torch.float64).var())


def _strata(labels: Tensor) -> list[Tensor]:
    """Return the positions of each class's images on the CPU, or of all if one has several."""
    labels = labels.cpu()
    if labels.ndim > 1:
        return [torch.arange(len(labels))]
    order = labels.argsort(stable=True)
    sizes = labels.bincount()
    return [part for part in torch.split(order, sizes.tolist()) if len(part)]
