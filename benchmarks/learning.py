"""Compare the model sampler with and without an earlier run on other data, by replay.

python -m benchmarks.learning [--repeats 100] [--earlier 100]

Two recorded tables hold the same 400 networks: `shapes` at 24 px and CIFAR-10 at 32 px, timed on
two processors. Each repeat draws which networks the earlier run has measured (``--earlier``) and
which 250 others the search may propose, so that none is known beforehand. The search ends when it
has reached what random search expects from half of its networks. The earlier run is taken as it is
(the two data sets agree in part), with its accuracies exchanged among its networks (nothing to
learn), and with accuracies mirrored, so that its best is its worst.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median, stdev

import numpy as np
import pandas as pd

from nas.replay.replay import Replay
from nas.replay.table import Table, find_table
from nas.search.earlier_runs import EarlierRun
from nas.search.samplers.domain import ParameterCount
from results.best_of import expected_best
from results.candidate import Candidate
from results.ranking import recorded_objective, reward
from search_space.task import Task

TABLES = {
    "shapes": Path(__file__).parent / "small_on_shapes_24px.parquet",
    "CIFAR-10": Path(__file__).parent / "small_on_cifar10_32px.parquet",
}
NETWORKS = 250  # that a search may propose
KINDS = ("as it is", "exchanged", "mirrored")


def main() -> None:
    """Print, for each table and earlier run, the mean candidates with their 95 % interval."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--earlier", type=int, default=100, help="networks of the earlier run")
    parser.add_argument("--tables", default=",".join(TABLES), help="to search in")
    parser.add_argument("--kinds", default=",".join(KINDS))
    options = parser.parse_args()
    tables = {name: find_table(path) for name, path in TABLES.items()}
    print_agreement(tables)
    for name in options.tables.split(","):
        (other,) = TABLES.keys() - {name}
        count = ParameterCount(Task(int(tables[name].settings["classes"]), 3))
        repeats = [
            split(tables[name], tables[other], s, options.earlier) for s in range(options.repeats)
        ]
        spaces = tables[name].space
        without = [candidates(table, [], seed, count) for seed, (table, _) in enumerate(repeats)]
        print(f"{name}, without an earlier run: {summary(without)}", flush=True)
        for kind in options.kinds.split(","):
            found = []
            for seed, (table, earlier) in enumerate(repeats):
                told = changed(earlier, kind, seed)
                run = EarlierRun.of(other, told, tables[other].settings, spaces)
                found.append(candidates(table, [run], seed, count))
            saved = [a - b for a, b in zip(without, found, strict=True)]
            print(
                f"{name} after {other}, {kind}: {summary(found)}; saves {summary(saved)}",
                flush=True,
            )


def print_agreement(tables: dict[str, Table]) -> None:
    """Print the rank correlation of the rewards of the networks that the tables share."""
    columns = {
        name: {
            c.architecture.architecture_id: reward(c, recorded_objective(table.settings))
            for c in table.candidates
        }
        for name, table in tables.items()
    }
    shared = pd.DataFrame(columns).dropna().rank()
    correlation = float(shared.corr().to_numpy()[0, 1])
    print(f"{len(shared)} networks in both; rank correlation of rewards {correlation:.2f}")


def split(table: Table, other: Table, seed: int, count: int) -> tuple[Table, tuple[Candidate, ...]]:
    """Return the search's table, and the earlier run's candidates from the other table."""
    generator = np.random.default_rng(1000 + seed)
    names = {c.architecture.architecture_id for c in table.candidates}
    shared = sorted(names & {c.architecture.architecture_id for c in other.candidates})
    known = set(generator.permutation(shared)[:count])
    rest = [c for c in table.candidates if c.architecture.architecture_id not in known]
    kept = sorted(generator.permutation(len(rest))[:NETWORKS])
    earlier = tuple(c for c in other.candidates if c.architecture.architecture_id in known)
    return replace(table, candidates=tuple(rest[i] for i in kept)), earlier


def changed(earlier: tuple[Candidate, ...], kind: str, seed: int) -> Iterator[Candidate]:
    """Yield the candidates of the earlier run, with their accuracies as they are or changed."""
    accuracies = [candidate.curve[-1].accuracy for candidate in earlier]
    if kind == "exchanged":
        accuracies = list(np.random.default_rng(seed).permutation(accuracies))
    elif kind == "mirrored":
        accuracies = [min(accuracies) + max(accuracies) - accuracy for accuracy in accuracies]
    for candidate, accuracy in zip(earlier, accuracies, strict=True):
        last = replace(candidate.curve[-1], accuracy=float(accuracy))
        curve = candidate.curve if kind == KINDS[0] else (last,)
        yield replace(candidate, accuracy=float(accuracy), curve=curve)


def candidates(table: Table, earlier: list[EarlierRun], seed: int, count: ParameterCount) -> int:
    """Return how many candidates the sampler needs to reach the target."""
    objective = recorded_objective(table.settings)
    rewards = [reward(candidate, objective) or 0.0 for candidate in table.candidates]
    target = expected_best(rewards, len(rewards) // 2)
    replay = Replay(table, objective, earlier, count)
    return len(replay.run("model", seed, len(rewards), target=target).epochs)


def summary(values: list[int]) -> str:
    """Return mean, its 95 % interval and median."""
    half = 1.96 * stdev(values) / len(values) ** 0.5
    return f"mean {fmean(values):.1f} +- {half:.1f}, median {median(values):g} (n = {len(values)})"


if __name__ == "__main__":
    main()
