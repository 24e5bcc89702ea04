"""Whether the stated certainty holds, and what taking the first instead of the best costs.

python -m benchmarks.certainty [TABLE] [--searches 100] [--seeds 0.01,0.02,0.03] [--minival 1000]

Searches are simulated. The true accuracies are those of a recorded table's networks; what a search
measures is drawn from them, with a deviation between seeds and the binomial of a minival. The
deviation between seeds is estimated from three trainings of a backbone, as a search does. By the
stated probability that the winner is the best, it prints how often it is. It also prints the
regret, which is the true reward lost by taking the winner instead of the best, with and without
``--confirm 5``. It trains nothing and takes some minutes.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import fmean, stdev

import numpy as np

from benchmarks.strategies import TABLE
from nas.replay.table import find_table
from results.candidate import BACKBONE
from results.certainty import find_certainty
from results.noise import Outcome, find_noise, outcomes
from results.ranking import recorded_objective
from reward.objective import Objective

SIZES = (50, 200, 400)  # candidates in a search
BACKBONES, CONFIRMED, FRESH = 3, 5, 2
BINS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def main() -> None:
    """Print the calibration by bins of the stated probability, and the regrets."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("table", nargs="?", type=Path, default=TABLE)
    parser.add_argument("--searches", type=int, default=100, metavar="N")
    parser.add_argument("--seeds", default="0.01,0.02,0.03", help="deviations between seeds")
    parser.add_argument("--minival", type=int, default=1000, metavar="IMAGES")
    options = parser.parse_args()
    table = find_table(options.table)
    simulation = Simulation(
        outcomes(table.candidates), recorded_objective(table.settings), options.minival
    )
    print(
        f"{options.table.name}: {len(simulation.truths)} networks, minival of {options.minival} "
        f"images, {options.searches} searches each"
    )
    everything: list[Search] = []
    for deviation in map(float, options.seeds.split(",")):
        for size in (size for size in SIZES if size <= len(simulation.truths)):
            searches = [simulation.run(size, deviation, i) for i in range(options.searches)]
            everything += searches
            plain, confirmed = ([getattr(s, name) for s in searches] for name in STAGES)
            print(
                f"seeds {deviation:g}, {size:3} candidates: stated {_mean(plain, 'stated')}, right "
                f"{_mean(plain, 'is_best')}, regret {_regret(plain)}; confirmed: stated "
                f"{_mean(confirmed, 'stated')}, right {_mean(confirmed, 'is_best')}, regret "
                f"{_regret(confirmed)}; first training lifted by "
                f"{fmean(s.plain.lift for s in searches):+.4f}, expected reward off by "
                f"{fmean(s.plain.expected_lift for s in searches):+.4f}",
                flush=True,
            )
    for name in STAGES:
        print(f"{name}:")
        _print_bins([getattr(search, name) for search in everything])


@dataclass(frozen=True)
class Ended:
    """A simulated search's end: what it states of its winner, and what is true."""

    stated: float
    is_best: bool
    regret: float  # share of the best true reward
    lift: float  # the winner's first reward above its true one
    expected_lift: float


@dataclass(frozen=True)
class Search:
    """A simulated search without and with confirmation."""

    plain: Ended
    confirmed: Ended


STAGES = ("plain", "confirmed")


class Simulation:
    """Searches among networks whose true accuracies are known."""

    def __init__(self, truths: list[Outcome], objective: Objective, images: int) -> None:
        self.truths = truths
        self._objective = objective
        self._images = images

    def run(self, size: int, deviation: float, seed: int) -> Search:
        """Simulate a search of ``size`` candidates; ``deviation`` is that between seeds."""
        generator = np.random.default_rng([seed, size, round(1e6 * deviation)])
        places = generator.choice(len(self.truths), size, replace=False)
        truths = {self.truths[i].number: self.truths[i] for i in places}

        # All trainings of a network are validated on the same images, which suit it or do not.
        luck = {
            number: generator.binomial(self._images, truth.accuracy) / self._images - truth.accuracy
            for number, truth in truths.items()
        }

        def trained(truth: Outcome) -> float:
            accuracy = truth.accuracy + luck[truth.number] + generator.normal(0, deviation)
            return float(np.clip(accuracy, 0, 1))

        first = [replace(truth, accuracy=trained(truth)) for truth in truths.values()]
        middle = fmean(truth.accuracy for truth in truths.values())
        backbone = [
            replace(first[0], number=-1 - i, confirms=BACKBONE, accuracy=accuracy)
            for i, accuracy in enumerate(middle + generator.normal(0, deviation, BACKBONES))
        ]
        found = [*first, *backbone]
        best = sorted(first, key=lambda each: -each.reward(self._objective))[:CONFIRMED]
        again = [
            replace(truths[each.number], accuracy=trained(truths[each.number]),
                    number=10**6 + FRESH * each.number + i, confirms=each.number)
            for each in best for i in range(FRESH)
        ]  # fmt: skip
        return Search(self._ended(found, truths), self._ended([*found, *again], truths))

    def _ended(self, found: list[Outcome], truths: dict[int, Outcome]) -> Ended:
        certainty = find_certainty(found, self._objective, find_noise(found, self._images))
        assert certainty is not None
        rewards = {number: each.reward(self._objective) for number, each in truths.items()}
        true, best = rewards[certainty.winner], max(rewards.values())
        first = next(each for each in found if each.number == certainty.winner)
        return Ended(
            stated=certainty.winner_chance,
            is_best=true >= best,
            regret=1 - true / best,
            lift=first.reward(self._objective) - true,
            expected_lift=certainty.expected_reward - true,
        )


def _mean(ends: list[Ended], name: str) -> str:
    return f"{100 * fmean(getattr(end, name) for end in ends):.0f} %"


def _regret(ends: list[Ended]) -> str:
    regrets = [100 * end.regret for end in ends]
    return f"{fmean(regrets):.2f} ± {stdev(regrets) / len(regrets) ** 0.5:.2f} %"


def _print_bins(ends: list[Ended]) -> None:
    for low, high in pairwise(BINS):
        inside = [end for end in ends if low <= end.stated < high or end.stated == high == 1]
        if len(inside) > 1:
            right = fmean(end.is_best for end in inside)
            error = (right * (1 - right) / len(inside)) ** 0.5
            print(
                f"  said {100 * low:3.0f} to {100 * high:3.0f} %: n = {len(inside):4}, said "
                f"{_mean(inside, 'stated')}, right {100 * right:.0f} ± {100 * error:.0f} %"
            )


if __name__ == "__main__":
    main()
