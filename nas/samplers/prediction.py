"""Accuracy and step time of networks not yet trained, learnt from those that were."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.samplers.features import Features
from nas.search.samplers.base import Observation
from nas.search.samplers.model.surrogate import ACCURACY, STEP_TIME, Surrogate, conditioned

Floats = NDArray[np.float64]
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
    points = features([each.flat for each in trained])
    targets, variances = _accuracy_targets(trained)
    accuracy = conditioned(ACCURACY, points, targets, variances)
    if running:
        upcoming = features([each.flat for each in running])
        believed, _ = accuracy(upcoming)
        accuracy = conditioned(
            ACCURACY,
            np.vstack([points, upcoming]),
            np.concatenate([targets, believed]),
            np.concatenate([variances, np.zeros(len(running))]),
        )
    log_times = np.log([each.step_time or math.nan for each in history])
    timed = features([each.flat for each in history])
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
