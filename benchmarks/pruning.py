"""What early epochs tell about the last one, and how often pruners lose the winner by them.

python -m benchmarks.pruning [TABLE] [--searches 400] [--candidates 60]

For a recorded table with learning curves it prints Spearman's correlation of the reward after each
epoch with the last one. Then it simulates random searches of some candidates, drawn from the table,
with successive halving at several graces and with the credible bound at several margins: the share
of searches that lost the winner they would have had, and of the epochs trained. It trains nothing.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import fmean

import pandas as pd

from benchmarks.strategies import TABLE
from nas.replay.replay import trained_with
from nas.replay.table import Table, find_table
from nas.search.pruners.base import Pruner, make_pruners, tell_pruners
from nas.search.pruners.bound import Bound, CredibleCeiling
from results.candidate import Candidate
from results.ranking import ranked, recorded_objective, reward_at
from reward.objective import Objective

MARGINS = (0.0, 0.25, 0.5, 1.0)
REDUCTIONS = (3, 4)
MakePruners = Callable[[], list[Pruner]]


def main() -> None:
    """Print the correlations, and a line for each pruner."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("table", nargs="?", type=Path, default=TABLE)
    parser.add_argument("--searches", type=int, default=400, metavar="N")
    parser.add_argument("--candidates", type=int, default=60, metavar="N")
    options = parser.parse_args()
    table = find_table(options.table)
    objective = recorded_objective(table.settings)
    print(f"{options.table.name}: {len(table.candidates)} networks, {table.epochs} epochs")
    for name, values in _correlations(table, objective).items():
        print(f"{name:9} " + " ".join(f"{value:5.2f}" for value in values))
    print(f"{options.searches} searches of {options.candidates} candidates:")
    for name, make in _pruners(objective, table.epochs):
        ends = [
            _search(_drawn(table, options.candidates, seed), make, objective)
            for seed in range(options.searches)
        ]
        lost, epochs = (fmean(values) for values in zip(*ends, strict=True))
        whole = options.candidates * table.epochs
        print(
            f"{name:24} lost the winner in {100 * lost:5.1f} %, trained {100 * epochs / whole:.0f} "
            "% of the epochs",
            flush=True,
        )


def _correlations(table: Table, objective: Objective) -> dict[str, list[float]]:
    """Return the correlation with the end after each epoch, of the accuracy and of the reward."""
    accuracies = pd.DataFrame([[p.accuracy for p in c.curve] for c in table.candidates])
    rewards = pd.DataFrame(
        [[reward_at(c, p.accuracy, objective) for p in c.curve] for c in table.candidates]
    )
    return {
        name: frame.corr(method="spearman").iloc[:, -1].tolist()
        for name, frame in (("accuracy", accuracies), ("reward", rewards))
    }


def _pruners(objective: Objective, epochs: int) -> Iterator[tuple[str, MakePruners]]:
    for reduction in REDUCTIONS:
        for grace in range(1, epochs // 2 + 1):
            scheduler = f"asha:grace={grace},reduction={reduction}"
            yield scheduler, lambda s=scheduler: make_pruners(s, "none", objective, epochs)  # type: ignore[misc]
    for margin in MARGINS:
        yield (
            f"credible, margin {margin:g}",
            lambda m=margin: [  # type: ignore[misc]
                Bound(objective, CredibleCeiling(epochs, margin=m))
            ],
        )


def _drawn(table: Table, count: int, seed: int) -> list[Candidate]:
    return random.Random(seed).sample(list(table.candidates), min(count, len(table.candidates)))


def _search(drawn: list[Candidate], make: MakePruners, objective: Objective) -> tuple[bool, int]:
    """Return whether the winner of these candidates was lost, and the epochs trained."""
    pruners, ended = make(), []
    for candidate in drawn:
        ended.append(trained_with(candidate, pruners))
        tell_pruners(pruners, ended[-1:])
    winner = ranked(drawn, objective)[0][1].number
    found = ranked(ended, objective)
    is_lost = not found or found[0][1].number != winner
    return is_lost, sum(len(candidate.curve) for candidate in ended)


if __name__ == "__main__":
    main()
