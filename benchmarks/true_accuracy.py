"""The true accuracies of a table's networks, as far as one noisy training of each tells them.

An accuracy in a table is that of one training, so a network that is chosen by it looks better than
it is. Simulations that choose networks therefore draw true accuracies from a distribution, and let
each search see them with new noise. The distribution is that of the Gaussian process of sampler
``model``, fitted to all accuracies of the table: what networks of like structure agree on counts as
true, and the rest as noise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nas.replay.table import Table
from nas.search.samplers.domain import Domain, ParameterCount
from nas.search.samplers.model.surrogate import ACCURACY, Features, fit_surrogate
from results.noise import Outcome, outcomes
from reward.complexity import architecture_complexity
from reward.objective import parse_reward
from search_space.architecture import Architecture
from search_space.task import Task

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
Line = Callable[[Floats], Floats]  # rewards (..., N) of accuracies (..., N)

FOLDS = 10
STEP_TIME, MULTIPLY_ADDS, PARAMETERS = "step time", "multiply-adds", "parameters"


@dataclass(frozen=True)
class Form:
    """A way to choose: a reward, and the cost that stands in it for the step time."""

    name: str
    reward: str = "product"
    cost: str = STEP_TIME


@dataclass(frozen=True)
class Networks:
    """The networks of a table; ``costs`` are relative to the backbone's, (N,) each.

    ``operators`` has a letter for each stage of a network: F for Fused-MBConv, M for MBConv, and -
    for any other. ``traits`` are what the paper says of its winner, (N,) each.
    """

    outcomes: Sequence[Outcome]
    costs: dict[str, Floats]
    operators: Sequence[str]
    traits: dict[str, Floats]
    features: Floats  # (N, features)

    @classmethod
    def of(cls, table: Table) -> Networks:
        """Return the networks of a table; the backbone's multiply-adds are counted here.

        Raises:
            ValueError: a candidate has no multiply-adds or parameters.
        """
        found, settings, space = outcomes(table.candidates), table.settings, table.space
        counts = [candidate.multiply_adds for candidate in table.candidates]
        if len(found) != len(counts) or not all(counts):
            raise ValueError("TABLE: a candidate has no multiply-adds or parameters")
        task = Task(int(settings["classes"]), int(settings["in_channels"]))
        backbone = architecture_complexity(space.backbone, task, int(settings["image_size"]))
        features = Features(Domain(space, 0, ParameterCount(task)))
        architectures = [candidate.architecture for candidate in table.candidates]
        return cls(
            found,
            {
                STEP_TIME: np.array([each.step_time for each in found]),
                MULTIPLY_ADDS: np.array(counts) / backbone.multiply_adds,
                PARAMETERS: np.array([each.size for each in found]),
            },
            [letters(architecture) for architecture in architectures],
            traits(architectures, len(space.backbone.stages)),
            features([space.encode(architecture) for architecture in architectures]),
        )

    @property
    def accuracies(self) -> Floats:
        """The recorded accuracies (N,), each of one training."""
        return np.array([each.accuracy for each in self.outcomes])

    def line(self, form: Form) -> Line:
        """Return the reward of each network by its accuracy, in which every form is affine."""
        objective = parse_reward(form.reward)
        pairs = list(zip(self.outcomes, self.costs[form.cost].tolist(), strict=True))
        at_0 = np.array([each.reward_at(0.0, cost, objective) for each, cost in pairs])
        at_1 = np.array([each.reward_at(1.0, cost, objective) for each, cost in pairs])
        return lambda accuracies: at_0 + (at_1 - at_0) * accuracies


def letters(architecture: Architecture) -> str:
    """Return a letter for the operator of each stage."""
    names = {"fused_mbconv": "F", "mbconv": "M"}
    return "".join(names.get(stage.operator, "-") for stage in architecture.stages)


def traits(architectures: Sequence[Architecture], stages: int) -> dict[str, Floats]:
    """Return what the paper says of its winner, of each network; the backbone has the stages."""

    def share_of(values: Sequence[bool]) -> float:
        return sum(values) / max(1, len(values))

    early = stages // 2
    functions: dict[str, Callable[[Architecture], float]] = {
        "stages with kernel 3": lambda a: share_of([s.kernel == 3 for s in a.stages]),
        "mean expansion": lambda a: float(np.mean([s.expansion for s in a.stages])),
        "layers": lambda a: float(sum(s.layers for s in a.stages)),
        "a stage is left out": lambda a: float(len(a.stages) < stages),
        "Fused-MBConv, early half": lambda a: share_of([x == "F" for x in letters(a)[:early]]),
        "Fused-MBConv, late half": lambda a: share_of([x == "F" for x in letters(a)[early:]]),
    }
    return {
        name: np.array([function(each) for each in architectures])
        for name, function in functions.items()
    }


class TrueAccuracies:
    """The distribution of the true accuracies, given one noisy training of each network."""

    def __init__(self, features: Floats, accuracies: Floats, deviation: float | None) -> None:
        """Fit the process; ``deviation`` is that of one training's accuracy.

        By default it is that which sampler ``model`` assumes, a fifth of the accuracies' variance.
        """
        self._features, self._logits = features, logit(accuracies)
        variance, middle = float(self._logits.var()), float(accuracies.mean())
        self._slope = middle * (1 - middle)  # of the accuracy, by its logit
        self._prior = ACCURACY
        if deviation is not None:
            self._prior = replace(ACCURACY, noise=(deviation / self._slope) ** 2 / variance)
        self._noise = float(np.sqrt(self._prior.noise * variance))  # of a logit
        process = fit_surrogate(self._prior, features, self._logits).process
        self._mean, covariance = process.predict(features, return_cov=True)
        values, vectors = np.linalg.eigh(covariance - self._noise**2 * np.eye(len(features)))
        self._root: Floats = vectors * np.sqrt(values.clip(0))

    @property
    def deviation(self) -> float:
        """The standard deviation of one training's accuracy, about the mean accuracy."""
        return self._noise * self._slope

    def draw(self, generator: np.random.Generator) -> Floats:
        """Return true accuracies (N,)."""
        drawn = self._root @ generator.standard_normal(len(self._mean))
        return share(self._mean + drawn)

    def seen(self, true: Floats, searches: int, generator: np.random.Generator) -> Floats:
        """Return what one training of each network shows, (searches, N), new in each search."""
        noise = generator.standard_normal((searches, len(true)))
        return share(logit(true) + self._noise * noise)

    def held_out(self) -> tuple[Floats, Floats]:
        """Predict each tenth of the networks from the others; return accuracies and deviations.

        The deviations (N,) contain the noise of a training.
        """
        folds = np.random.default_rng(0).permutation(len(self._logits)) % FOLDS
        predicted, deviations = np.zeros(len(folds)), np.zeros(len(folds))
        for fold in range(FOLDS):
            out = folds == fold
            fitted = fit_surrogate(self._prior, self._features[~out], self._logits[~out])
            mean, deviation = fitted(self._features[out])
            predicted[out] = share(mean)
            deviations[out] = deviation * share(mean) * (1 - share(mean))
        return predicted, deviations

    def check(self) -> tuple[float, float]:
        """Return the error of the accuracies predicted for networks not seen, and what is stated.

        Both are root mean squares.
        """
        predicted, deviations = self.held_out()
        return _root_mean_square(predicted - share(self._logits)), _root_mean_square(deviations)


class HeldOut(TrueAccuracies):
    """Evidence that is split, without draws: chosen by the recorded accuracy, judged by others'.

    The true accuracy of a network is what the other nine tenths of the table predict for it. So
    what is true of this network alone is missing, and differences are somewhat too small.
    """

    def draw(self, generator: np.random.Generator) -> Floats:
        """Return what the others predict (N,), always the same."""
        return self._predicted

    def seen(self, true: Floats, searches: int, generator: np.random.Generator) -> Floats:
        """Return the recorded accuracies (searches, N), the same in each search."""
        return np.tile(share(self._logits), (searches, 1))

    @cached_property
    def _predicted(self) -> Floats:
        return self.held_out()[0]


def logit(accuracies: Floats) -> Floats:
    """Return the logits of accuracies, which are kept a little from 0 and 1."""
    clipped = accuracies.clip(0.002, 0.998)
    values: Floats = np.log(clipped / (1 - clipped))
    return values


def share(logits: Floats) -> Floats:
    """Return the accuracies of logits."""
    values: Floats = 1 / (1 + np.exp(-logits))
    return values


def _root_mean_square(values: Floats) -> float:
    return float(np.sqrt(np.mean(values**2)))
