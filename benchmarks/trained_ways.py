"""Train the same images in several ways with several seeds, and sum up accuracy and time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from statistics import fmean, stdev
from typing import Any

from benchmarks.result_lines import ResultLines
from benchmarks.timed_training import Point, Source, curve
from nas.data.images import Images
from nas.training.recipes import Recipe

KIND = "training"


@dataclass(frozen=True)
class Way:
    """A network and the recipe that it trains by.

    ``image_size``, in pixels, is that of training without ``recipe.resizing`` and of the test; None
    is the images' own.
    """

    network: Source
    recipe: Recipe
    image_size: int | None = None


@dataclass(frozen=True)
class Outcome:
    """The result of a training: accuracy in [0, 1] and the seconds of training alone."""

    accuracy: float
    time_s: float


def train_ways(
    ways: dict[str, Way],
    training: Images,
    test: Images,
    seeds: Iterable[int],
    lines: ResultLines,
    has_curves: bool = False,
) -> dict[str, list[Outcome]]:
    """Train each way with each seed that has no line yet, and return the outcomes of each way.

    The first seed of all ways comes first. With ``has_curves``, a line holds the points of all
    epochs, and each epoch is tested.
    """
    seeds = tuple(seeds)
    for seed, (name, way) in product(seeds, ways.items()):
        if not lines.find(KIND, way=name, seed=seed):
            points = list(_points(way, training, test, seed, has_curves))
            line: dict[str, Any] = {"way": name, "seed": seed, "accuracy": points[-1].accuracy}
            line |= {"time_s": points[-1].time_s}
            lines.add(KIND, line | ({"curve": [asdict(p) for p in points]} if has_curves else {}))
    return {
        name: [
            Outcome(line["accuracy"], line["time_s"])
            for line in lines.find(KIND, way=name)
            if line["seed"] in seeds
        ]
        for name in ways
    }


def _points(
    way: Way, training: Images, test: Images, seed: int, has_curves: bool
) -> Iterator[Point]:
    if way.image_size is not None:
        training, test = training.at(way.image_size), test.at(way.image_size)
    every = 1 if has_curves else way.recipe.epochs
    return curve(way.network, way.recipe, training, test, seed, every)


def in_percent(outcomes: Sequence[Outcome]) -> str:
    """Return the mean accuracy and its standard deviation, such as ``53.7 ± 1.1 %``."""
    reached = [100 * outcome.accuracy for outcome in outcomes]
    spread = f" ± {stdev(reached):.1f}" if len(reached) > 1 else ""
    return f"{fmean(reached):.1f}{spread} %"


def mean_s(outcomes: Sequence[Outcome]) -> float:
    """Return the mean seconds of training."""
    return fmean(outcome.time_s for outcome in outcomes)


def summary(outcomes: Sequence[Outcome]) -> str:
    """Return accuracy and time, such as ``53.7 ± 1.1 %, 110 s``."""
    return f"{in_percent(outcomes)}, {mean_s(outcomes):.0f} s"
