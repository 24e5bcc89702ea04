"""Gaussian processes for accuracy and step time, the predictions of the model-based sampler."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel

from nas.search.samplers.base import Observation
from nas.search.samplers.domain import Domain, Key
from search_space.space import Point

Floats = NDArray[np.float64]


class Prediction(Protocol):
    """The prediction of a quantity, which is normally distributed."""

    def __call__(self, features: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation, noise included, at (points, features)."""

    def mean(self, features: Floats) -> Floats:
        """Return the mean alone, which may take less time."""


_ACCURACY_MARGIN = 0.002  # accuracies are kept this far from 0 and 1, where the logit is infinite
_STANDARDIZATION_POINTS = 300  # random points that give each feature's mean and deviation


@dataclass(frozen=True)
class Prior:
    """The kernel's constants for one quantity.

    ``linear``, ``smooth`` and ``noise`` are variances, relative to the variance of the targets.
    ``length`` is the distance at which two networks are hardly correlated; a distance of 1 is one
    standard deviation in every feature.

    The constants are fixed, as constants fitted to 8 to 60 networks predict worse
    (docs/samplers.md).
    """

    linear: float
    smooth: float
    length: float
    noise: float


ACCURACY = Prior(linear=0.0, smooth=1.3, length=1.0, noise=0.2)
STEP_TIME = Prior(linear=1.0, smooth=1.3, length=2.0, noise=0.01)


@dataclass(frozen=True)
class Surrogate:
    """A Gaussian process with a linear part, a smooth part and noise."""

    process: GaussianProcessRegressor

    def __call__(self, features: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation, noise included, at (points, features)."""
        mean, deviation = self.process.predict(features, return_std=True)
        return mean, deviation

    def mean(self, features: Floats) -> Floats:
        """Return the mean alone, which takes less time."""
        mean: Floats = self.process.predict(features)
        return mean


def fit_surrogate(
    prior: Prior, features: Floats, targets: Floats, variances: Floats | None = None
) -> Surrogate:
    """Return the surrogate given features (points, features) and targets (points,).

    ``variances`` are those of single targets, in addition to the noise that all targets have.
    """
    process = gaussian_process(prior, features.shape[1], variances, float(np.var(targets)))
    return Surrogate(process.fit(features, targets))


def gaussian_process(
    prior: Prior, features: int, variances: Floats | None, variance: float
) -> GaussianProcessRegressor:
    """Return the process before it is fitted, for so many features.

    ``variance`` is that of the targets, which those of single targets are divided by.
    """
    kernel = ConstantKernel(prior.smooth) * RBF(prior.length * features**0.5)
    if prior.linear:
        kernel += ConstantKernel(prior.linear / features) * DotProduct(0.0, "fixed")
    extra = 0.0 if variances is None else variances / max(variance, 1e-12)
    return GaussianProcessRegressor(
        kernel + WhiteKernel(prior.noise), alpha=1e-8 + extra, optimizer=None, normalize_y=True
    )


@dataclass(frozen=True)
class Surrogates:
    """Predictions of the logit of accuracy and of log S/S0, both normally distributed."""

    accuracy: Prediction
    step_time: Prediction


Fit = Callable[[Prior, Floats, Floats, Floats | None], Prediction]
"""Fits one quantity, as :func:`fit_surrogate` does."""


def fit_surrogates(
    features: Features,
    history: Sequence[Observation],
    running: Sequence[Observation] = (),
    fit_accuracy: Fit = fit_surrogate,
    fit_step_time: Fit = fit_surrogate,
) -> Surrogates:
    """Return the surrogates given observations, all of which have a step time.

    Accuracy is learnt from the observations that have a curve. Running trials are counted with
    their predicted accuracy, so that two workers do not explore the same region.
    """
    trained = [trial for trial in history if trial.curve]
    trained_features = features([trial.point for trial in trained])
    targets, variances = _accuracy_targets(trained)
    accuracy = fit_accuracy(ACCURACY, trained_features, targets, variances)
    if running:
        running_features = features([trial.point for trial in running])
        predicted, _ = accuracy(running_features)
        accuracy = fit_accuracy(
            ACCURACY,
            np.vstack([trained_features, running_features]),
            np.concatenate([targets, predicted]),
            np.concatenate([variances, np.zeros(len(running))]),
        )
    log_times = np.log([trial.step_time or math.nan for trial in history])
    timed_features = features([trial.point for trial in history])
    return Surrogates(accuracy, fit_step_time(STEP_TIME, timed_features, log_times, None))


def _accuracy_targets(trained: Sequence[Observation]) -> tuple[Floats, Floats]:
    """Return the logit of each trial's final accuracy, and its variance.

    For a trial that was stopped, the mean gain of the complete trials from the same epoch to their
    end is added to its last logit. The variance is that of this gain.
    """
    curves = [_logit(trial.curve) for trial in trained]
    complete = [curve for curve, trial in zip(curves, trained, strict=True) if trial.is_complete]
    targets, variances = [], []
    for curve, trial in zip(curves, trained, strict=True):
        longer = [other for other in complete if len(other) > len(curve)]
        gains = [other[-1] - other[len(curve) - 1] for other in longer]
        is_extrapolated = not trial.is_complete and gains
        targets.append(curve[-1] + (np.mean(gains) if is_extrapolated else 0.0))
        variances.append(np.var(gains) if is_extrapolated else 0.0)
    return np.array(targets), np.array(variances)


def _logit(accuracies: Sequence[float]) -> Floats:
    clipped = np.clip(accuracies, _ACCURACY_MARGIN, 1 - _ACCURACY_MARGIN)
    logits: Floats = np.log(clipped / (1 - clipped))
    return logits


class Features:
    """Computes the features of points, all of them known before any training.

    For each stage: one indicator for each operator, kernel and expansion, the same indicators times
    the layers, the layers, and the square root and logarithm of the stage's parameters. For the
    network: the logarithm of its parameters. Features are standardised over the space, not over the
    observed points, so that the small differences between networks near a winner stay small.
    """

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._rows: dict[Key, Floats] = {}

    def __call__(self, points: Sequence[Point]) -> Floats:
        """Return (points, features); each different point is computed once."""
        mean, scale = self._mean_and_scale
        return (np.array([self._row(point) for point in points]) - mean) / scale

    @cached_property
    def drawn(self) -> Floats:
        """The features of random points of the space, (points, features)."""
        mean, scale = self._mean_and_scale
        return (self._drawn_rows - mean) / scale

    @cached_property
    def _drawn_rows(self) -> Floats:
        generator = np.random.default_rng(0)
        return np.array(
            [self._row(self._domain.uniform(generator)) for _ in range(_STANDARDIZATION_POINTS)]
        )

    @cached_property
    def _mean_and_scale(self) -> tuple[Floats, Floats]:
        """Return the mean and standard deviation of every feature over the space."""
        drawn = self._drawn_rows
        scale = drawn.std(0)
        scale[scale < 1e-9] = 1.0  # constant features
        return drawn.mean(0), scale

    def _row(self, point: Point) -> Floats:
        key = self._domain.key(point)
        if key not in self._rows:
            self._rows[key] = self._compute(point)
        return self._rows[key]

    def _compute(self, point: Point) -> Floats:
        architecture = self._domain.space.decode(point)
        by_stage = iter(self._domain.count_parameters.by_stage(architecture))
        row: list[float] = []
        for i, choices in enumerate(self._domain.space.choices, 1):
            layers = int(point[f"stage{i}.layers"])
            indicators = [
                float(layers > 0 and point[f"stage{i}.{name}"] == option)
                for name, options in choices.options().items()
                if name != "layers"
                for option in options
            ]
            count = next(by_stage) if layers else 0
            row += [*indicators, *(layers * indicator for indicator in indicators), layers]
            row += [count**0.5, np.log1p(count)]
        return np.array([*row, np.log(self._domain.count_parameters(architecture))])
