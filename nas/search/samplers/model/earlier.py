"""Predictions by earlier runs as a part of the surrogates, whose weight is learnt from the search.

A quantity of this search is taken as a slope times what the models of earlier runs predict, plus a
smooth rest. Several slopes are compared by the likelihood of what this search has measured, the
slope 0 among them, and the predictions are averaged by the slopes' probabilities. So a run that
disagrees loses its weight, and one that agrees saves the candidates that it would take to learn the
same again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor

from nas.search.earlier_runs import EarlierRun
from nas.search.samplers.base import Observation
from nas.search.samplers.model.surrogate import (
    Features,
    Floats,
    Prediction,
    Prior,
    Surrogates,
    fit_surrogates,
    gaussian_process,
)

SLOPES = (0.25, 0.5, 0.75, 1.0)
"""The slopes above 0: deviations of the targets for one deviation of an earlier prediction."""

_NO_RELATION = 0.5  # probability of the slope 0 before anything is measured


@dataclass(frozen=True)
class EarlierPrediction:
    """The mean of what models of earlier runs predict, each standardised over the space."""

    models: Sequence[Prediction]
    drawn: Floats  # features of random points of the space, (points, features)

    def __call__(self, features: Floats) -> Floats:
        """Return the prediction at (points, features), in standard deviations."""
        parts = [
            (model.mean(features) - mean) / deviation
            for model, (mean, deviation) in zip(self.models, self._scales, strict=True)
        ]
        standardised: Floats = np.mean(parts, axis=0)
        return standardised

    @cached_property
    def _scales(self) -> list[tuple[float, float]]:
        """The mean and standard deviation of each model's predictions over the space."""
        predicted = [model.mean(self.drawn) for model in self.models]
        return [(float(values.mean()), max(float(values.std()), 1e-9)) for values in predicted]


@dataclass(frozen=True)
class Mixture:
    """The average over slopes, by their probabilities, of slope times prediction plus rest.

    ``earlier`` holds a prediction for each slope, which is in the unit of the targets; the first
    slope is 0. The rests of all slopes are the targets of one Gaussian process, (points, slopes).
    """

    earlier: Sequence[EarlierPrediction]
    slopes: Floats
    rests: GaussianProcessRegressor
    weights: Floats

    def __call__(self, features: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation, noise included, at (points, features)."""
        rests, deviations = self.rests.predict(features, return_std=True)  # (points, slopes)
        means = rests + self.slopes * _columns(self.earlier, features)
        mean: Floats = means @ self.weights
        variance = (deviations**2 + (means - mean[:, None]) ** 2) @ self.weights
        return mean, np.sqrt(variance)

    def mean(self, features: Floats) -> Floats:
        """Return the mean alone."""
        mean, _ = self(features)
        return mean


class EarlierModels:
    """The models of earlier runs: of each run, and of all of them together."""

    def __init__(self, features: Features, runs: Sequence[EarlierRun]) -> None:
        self.of_runs = [fit_surrogates(features, _observations(run)) for run in runs]
        self._accuracy = _predictions([of_run.accuracy for of_run in self.of_runs], features)
        self._step_time = _predictions([of_run.step_time for of_run in self.of_runs], features)

    def fit(
        self, features: Features, history: Sequence[Observation], running: Sequence[Observation]
    ) -> Surrogates:
        """Return the surrogates of this search, as :func:`.surrogate.fit_surrogates` does."""
        return fit_surrogates(
            features,
            history,
            running,
            partial(fit_mixture, self._accuracy),
            partial(fit_mixture, self._step_time),
        )


def fit_mixture(
    earlier: Sequence[EarlierPrediction],
    prior: Prior,
    features: Floats,
    targets: Floats,
    variances: Floats | None = None,
) -> Mixture:
    """Return the prediction given targets (points,) at (points, features).

    With slope 0 alone it would be that of :func:`.surrogate.fit_surrogate`. ``variances`` are those
    of single targets, in addition to the noise that all have.
    """
    each = [(prediction, slope) for prediction in earlier for slope in SLOPES]
    of_slope = [earlier[0], *(prediction for prediction, _ in each)]
    slopes = float(np.std(targets)) * np.array([0.0, *(slope for _, slope in each)])
    rests = targets[:, None] - slopes * _columns(of_slope, features)
    process = gaussian_process(prior, features.shape[1], variances, float(np.var(targets)))
    process.fit(features, rests)
    chances = np.array([_NO_RELATION, *[(1 - _NO_RELATION) / len(each)] * len(each)])
    logs = np.log(chances) + _log_densities(process, rests)
    weights = np.exp(logs - logs.max())
    return Mixture(of_slope, slopes, process, weights / weights.sum())


def _columns(earlier: Sequence[EarlierPrediction], features: Floats) -> Floats:
    """Return the predictions at (points, features) as columns; each is computed once."""
    known = {id(prediction): prediction for prediction in earlier}
    values = {key: prediction(features) for key, prediction in known.items()}
    return np.stack([values[id(prediction)] for prediction in earlier], axis=1)


def _log_densities(process: GaussianProcessRegressor, rests: Floats) -> Floats:
    """Return the log density of each column in its own unit, up to a constant that all share."""
    standardised = -0.5 * (process.y_train_ * process.alpha_).sum(0)
    scales = np.maximum(rests.std(0), 1e-9)
    densities: Floats = standardised - len(rests) * np.log(scales)
    return densities


def _predictions(models: Sequence[Prediction], features: Features) -> list[EarlierPrediction]:
    """Return the prediction of each model, and of all together if there are several."""
    groups = [[model] for model in models] + ([list(models)] if len(models) > 1 else [])
    return [EarlierPrediction(group, features.drawn) for group in groups]


def _observations(run: EarlierRun) -> list[Observation]:
    return [
        Observation(
            number, each.point, None, each.is_complete, curve=each.curve, step_time=each.step_time
        )
        for number, each in enumerate(run.candidates)
    ]
