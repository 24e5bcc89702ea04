"""A regression that says how sure it is: what the model-based strategy predicts with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel

from nas.search.samplers.base import Observation
from nas.search.samplers.domain import Domain, Key
from search_space.space import Point

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Prior:
    """What is believed of a quantity before any is observed; variances are parts of the observed.

    ``length`` is how far apart networks are that have little to do with each other, where 1 is a
    standard deviation in every feature.

    Nothing of it is fitted. The likeliest kernel of 8 to 60 networks predicts others worse than
    these do, for accuracy with a rank correlation of 0.58 to 0.77 instead of 0.63 to 0.79, and at
    200 no better (``small`` on ``shapes`` of 24 px; 20 to 40 draws each).
    """

    linear: float
    smooth: float
    length: float
    noise: float


ACCURACY = Prior(linear=0.0, smooth=1.3, length=1.0, noise=0.2)


STEP_TIME = Prior(linear=1.0, smooth=1.3, length=2.0, noise=0.01)


@dataclass(frozen=True)
class Surrogate:
    """A Gaussian process of a linear part, a smooth part and noise, over standardised features."""

    process: GaussianProcessRegressor

    def __call__(self, features: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of an observation at (points, features), noise counted."""
        mean, deviation = self.process.predict(features, return_std=True)
        return mean, deviation


def conditioned(
    prior: Prior, features: Floats, targets: Floats, variances: Floats | None = None
) -> Surrogate:
    """On (points, features) and (points,).

    ``variances`` are those of the targets beyond the noise that all have.
    """
    count = features.shape[1]
    kernel = ConstantKernel(prior.smooth) * RBF(prior.length * count**0.5)
    if prior.linear:
        kernel += ConstantKernel(prior.linear / count) * DotProduct(0.0, "fixed")
    extra = np.zeros(len(targets)) if variances is None else variances
    process = GaussianProcessRegressor(
        kernel + WhiteKernel(prior.noise),
        alpha=1e-8 + extra / max(float(np.var(targets)), 1e-12),
        optimizer=None,
        normalize_y=True,
    )
    return Surrogate(process.fit(features, targets))


_EDGE = 0.002  # accuracies are kept this far from 0 and 1, where the logit ends


@dataclass(frozen=True)
class Prediction:
    """Normal distributions, mean and deviation, of the logit of accuracy and of log S/S0."""

    accuracy: Surrogate
    step_time: Surrogate


def predicted(
    features: Features, history: Sequence[Observation], running: Sequence[Observation] = ()
) -> Prediction:
    """From observations that have a step time; accuracies from those with a curve.

    What is running counts as ending with what is predicted for it, so that two workers do not
    explore the same.
    """
    trained = [each for each in history if each.curve]
    points = features([each.point for each in trained])
    targets, variances = _accuracy_targets(trained)
    accuracy = conditioned(ACCURACY, points, targets, variances)
    if running:
        upcoming = features([each.point for each in running])
        believed, _ = accuracy(upcoming)
        accuracy = conditioned(
            ACCURACY,
            np.vstack([points, upcoming]),
            np.concatenate([targets, believed]),
            np.concatenate([variances, np.zeros(len(running))]),
        )
    log_times = np.log([each.step_time or math.nan for each in history])
    timed = features([each.point for each in history])
    return Prediction(accuracy, conditioned(STEP_TIME, timed, log_times))


def _accuracy_targets(trained: Sequence[Observation]) -> tuple[Floats, Floats]:
    """The logit of each one's last accuracy and its variance; of those that were stopped, expected.

    A curve that was stopped is lengthened by what the complete ones gained on average from its
    epoch on, with the variance of that gain.
    """
    curves = [_logit(each.curve) for each in trained]
    complete = [curve for curve, each in zip(curves, trained, strict=True) if each.is_complete]
    targets, variances = [], []
    for curve, each in zip(curves, trained, strict=True):
        reached = [full for full in complete if len(full) > len(curve)]
        gains = [full[-1] - full[len(curve) - 1] for full in reached]
        lacks = not each.is_complete and gains
        targets.append(curve[-1] + (np.mean(gains) if lacks else 0.0))
        variances.append(np.var(gains) if lacks else 0.0)
    return np.array(targets), np.array(variances)


def _logit(accuracies: Sequence[float]) -> Floats:
    kept = np.clip(accuracies, _EDGE, 1 - _EDGE)
    logits: Floats = np.log(kept / (1 - kept))
    return logits


_DRAWN = 300  # to know a feature's mean and deviation from


class Features:
    """The choices, the layers, and what is exact before any training: parameters by stage.

    For each stage one indicator for each operator, kernel and expansion, the same times the layers,
    and the layers; the stage's parameters as a root and as a logarithm; and the logarithm of the
    whole network's. Each is standardised over the space, not over what was observed, so that the
    small differences among the networks around a winner stay small.
    """

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._rows: dict[Key, NDArray[np.float64]] = {}

    def __call__(self, points: Sequence[Point]) -> NDArray[np.float64]:
        """(points, features); each different point is computed once."""
        mean, scale = self._standard
        return (np.array([self._row(point) for point in points]) - mean) / scale

    @cached_property
    def _standard(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Every feature's mean and deviation."""
        generator = np.random.default_rng(0)
        drawn = np.array([self._row(self._domain.uniform(generator)) for _ in range(_DRAWN)])
        scale = drawn.std(0)
        scale[scale < 1e-9] = 1.0  # the same for all
        return drawn.mean(0), scale

    def _row(self, point: Point) -> NDArray[np.float64]:
        key = self._domain.key(point)
        if key not in self._rows:
            self._rows[key] = self._compute(point)
        return self._rows[key]

    def _compute(self, point: Point) -> NDArray[np.float64]:
        architecture = self._domain.space.decode(point)
        by_stage = iter(self._domain.count_parameters.by_stage(architecture))
        row: list[float] = []
        for i, choices in enumerate(self._domain.space.choices, 1):
            layers = int(point[f"stage{i}.layers"])
            indicators = [
                float(layers > 0 and point[f"stage{i}.{name}"] == value)
                for name, values in choices.options().items()
                if name != "layers"
                for value in values
            ]
            count = next(by_stage) if layers else 0
            row += [*indicators, *(layers * value for value in indicators), layers]
            row += [count**0.5, np.log1p(count)]
        return np.array([*row, np.log(self._domain.count_parameters(architecture))])
