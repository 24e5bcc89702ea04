"""Whether the 95 % intervals of ``nas proxy`` hold the true value, by resampling.

python -m benchmarks.agreement [--accel-nas-bench CSV] [--draws 1000]

CSV is the table of Accel-NASBench's 117 networks, each trained on ImageNet in full and by a proxy
with three seeds. They are taken as the whole space, so the true values are known. Samples of 10,
20, and 40 networks are drawn from it with replacement, as from a large space: drawn without
replacement, 40 of 117 would differ too little from the whole, and their intervals would seem better
than they are. A network that is drawn twice is tied with itself in both trainings, and such a pair
is left out of tau; in the ceiling, it counts as two equal ones. One seed of each training is used,
each pair of seeds equally often.

Then normally distributed values are drawn, and such whose proxy is noisier for better networks. It
takes some minutes on one core.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations, product
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
import torch
from numpy.typing import NDArray

from results.agreement import (
    Estimate,
    ceiling,
    expected_regret,
    kendall,
    kendall_of_better_half,
)
from reward.step_time.clocks import device_name

SIZES = (10, 20, 40)
TAUS = (0.0, 0.5, 0.8, 0.9, 0.95)
REPEATS = (2, 3, 5, 10)  # networks that are trained in full twice
COPIES = 20  # of each recorded network, which stand for a whole space
LARGE_SAMPLES, LARGE_SAMPLE = 20, 2000  # drawn networks that do

Array = NDArray[np.float64]
Statistic = Callable[[list[float], list[float]], Estimate | None]
Draw = Callable[[int, np.random.Generator], tuple[Array, Array]]


def statistics(networks: int) -> dict[str, Statistic]:
    """Return what is estimated from so many networks, by name."""
    few, many = networks // 4, networks // 2
    return {
        "tau": kendall,
        "tau, better half": kendall_of_better_half,
        f"regret of {few}": lambda proxy, full: expected_regret(proxy, full, few),
        f"regret of {many}": lambda proxy, full: expected_regret(proxy, full, many),
    }


@dataclass
class Coverage:
    """How often the intervals of a statistic hold the true value, and how wide they are."""

    errors: list[float] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)
    too_high: int = 0  # intervals above the true value
    too_low: int = 0
    without: int = 0  # samples without an interval

    def add(self, estimate: Estimate | None, true: float) -> None:
        """Count a sample's interval."""
        if estimate is None:
            self.without += 1
            return
        self.errors.append(estimate.value - true)
        self.widths.append(estimate.high - estimate.low)
        self.too_high += estimate.low > true + 1e-9
        self.too_low += estimate.high < true - 1e-9

    def line(self, true: float) -> str:
        """Return the counts in percent."""
        count = len(self.errors)
        missed = self.too_high + self.too_low
        without = f", {self.without} without" if self.without else ""
        return (
            f"true {true:7.4f}, held by {100 * (1 - missed / count):5.1f} % "
            f"(too high {100 * self.too_high / count:4.1f} %, too low "
            f"{100 * self.too_low / count:4.1f} %), mean width {fmean(self.widths):.4f}, error "
            f"{fmean(self.errors):+.4f} ± {stdev(self.errors):.4f}, n = {count}{without}"
        )


def main() -> None:
    """Print a line for each population, sample size, and statistic."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--accel-nas-bench", type=Path, metavar="CSV")
    parser.add_argument("--draws", type=int, default=1000, metavar="N")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{device_name(torch.device('cpu'))}, {os.cpu_count()} cores, {options.draws} draws each")
    if options.accel_nas_bench:
        proxy, full = read_accel_nas_bench(options.accel_nas_bench)
        _print_recorded(proxy, full, options.draws)
        _print_ceiling(full, options.draws)
    for tau in TAUS:
        _print_drawn(f"normal, tau {tau:g}", partial(normal, tau), options.draws)
    _print_drawn("noisier at the top", noisier_at_the_top, options.draws)


def read_accel_nas_bench(path: Path) -> tuple[Array, Array]:
    """Return the proxy's and the full accuracies, (networks, seeds), of the table.

    A network is known by its choices: the column ``number`` counts within parts of the table.
    """
    accuracies: dict[tuple[str, ...], dict[tuple[str, str], float]] = defaultdict(dict)
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            choices = tuple(value for name, value in row.items() if name.startswith("stage"))
            accuracy = float(row["accuracy_top1"]) / 100
            accuracies[choices][row["training"], row["seed"]] = accuracy
    seeds = sorted({seed for each in accuracies.values() for _, seed in each})
    proxy, full = (
        np.array([[each[training, seed] for seed in seeds] for each in accuracies.values()])
        for training in ("proxy", "full")
    )
    return proxy, full


def normal(tau: float, networks: int, generator: np.random.Generator) -> tuple[Array, Array]:
    """Return proxy and full accuracies that are normally distributed, with an expected tau."""
    correlation = math.sin(math.pi / 2 * tau)
    full, other = generator.normal(size=(2, networks))
    proxy = correlation * full + math.sqrt(1 - correlation**2) * other
    return 0.6 + 0.03 * proxy, 0.7 + 0.03 * full


def noisier_at_the_top(networks: int, generator: np.random.Generator) -> tuple[Array, Array]:
    """Return accuracies where the proxy tells bad networks apart, and good ones hardly."""
    full, noise = generator.normal(size=(2, networks))
    proxy = full + noise * np.where(full > 0.5, 1.0, 0.2)
    return 0.6 + 0.03 * proxy, 0.7 + 0.03 * full


def _print_recorded(proxy: Array, full: Array, draws: int) -> None:
    networks, seeds = full.shape
    pairs = list(product(range(seeds), repeat=2))
    for size in SIZES:
        generator = np.random.default_rng(size)
        for name, statistic in statistics(size).items():
            whole = [
                (np.repeat(proxy[:, i], COPIES), np.repeat(full[:, j], COPIES)) for i, j in pairs
            ]
            truths = [_true(statistic, *values) for values in whole]
            coverage = Coverage()
            for draw in range(draws):
                first, second = pairs[draw % len(pairs)]
                places = generator.integers(0, networks, size)
                estimate = statistic(proxy[places, first].tolist(), full[places, second].tolist())
                coverage.add(estimate, truths[draw % len(pairs)])
            _print_line("Accel-NASBench", size, name, coverage, fmean(truths))


def _print_ceiling(full: Array, draws: int) -> None:
    networks, seeds = full.shape
    pairs = list(combinations(range(seeds), 2))
    between = fmean(_true(kendall, full[:, first], full[:, second]) for first, second in pairs)
    true = between * (1 - 1 / networks)  # a network drawn twice counts as two equal ones here
    for size, repeats in product(SIZES, REPEATS):
        generator, coverage = np.random.default_rng([size, repeats]), Coverage()
        for draw in range(draws):
            first, second = pairs[draw % len(pairs)]
            places = generator.integers(0, networks, size)
            again = full[places[:repeats]][:, [first, second]]
            both = [(one, other) for one, other in again.tolist()]
            coverage.add(ceiling(full[places, first].tolist(), both), true)
        _print_line("Accel-NASBench", size, f"ceiling, {repeats} twice", coverage, true)


def _print_drawn(population: str, draw: Draw, draws: int) -> None:
    wholes = [draw(LARGE_SAMPLE, np.random.default_rng(i)) for i in range(LARGE_SAMPLES)]
    for size in SIZES:
        generator = np.random.default_rng(size)
        for name, statistic in statistics(size).items():
            true = fmean(_true(statistic, *whole) for whole in wholes)
            coverage = Coverage()
            for _ in range(draws):
                proxy, full = draw(size, generator)
                coverage.add(statistic(proxy.tolist(), full.tolist()), true)
            _print_line(population, size, name, coverage, true)


def _true(statistic: Statistic, proxy: Array, full: Array) -> float:
    estimate = statistic(proxy.tolist(), full.tolist())
    assert estimate is not None
    return estimate.value


def _print_line(population: str, size: int, name: str, coverage: Coverage, true: float) -> None:
    print(f"{population:18} {size:3} {name:18} {coverage.line(true)}", flush=True)


if __name__ == "__main__":
    main()
