"""Train the winners of searches again: those of runs, and random search's on a recorded table.

python -m benchmarks.winners RUN... [--epochs 250] [--trainings 8] [--best 5]

The best of many candidates owes part of its reward to a lucky seed, and more so the more candidates
there are. So the winner of each RUN after ``--epochs`` epochs of training in total, and the best of
the recorded table, are trained with further seeds and timed again. For random search the table's
best are averaged, each weighted with its probability to be the best of half the table. A training
takes fifteen seconds on one thread of a CPU.
"""

from __future__ import annotations

import argparse
import math
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev

import torch

from benchmarks.cpu_protocol import follow
from benchmarks.strategies import TABLE
from nas.data.load import load_search_data
from nas.replay.table import Table, find_table
from nas.search.evaluator import EvaluationSettings, Evaluator
from nas.search.settings import SearchSettings
from nas.training.recipes import proxy
from results.best_of import best_chances
from results.candidate import Candidate, State
from results.ranking import ranked, reward
from reward.step_time.clocks import device_name

FIRST_SEED = 10**6  # not drawn by any search


def main() -> None:
    """Print every winner's reward in its search and again, n, the spread and the machine."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--epochs", type=int, default=250)
    parser.add_argument("--trainings", type=int, default=8)
    parser.add_argument(
        "--best", type=int, default=5, help="number of the table's candidates to train again"
    )
    options = parser.parse_args()
    follow("benchmarks.winners")
    print(f"{device_name(torch.device('cpu'))}, n = {options.trainings} trainings each")
    table = find_table(TABLE)
    again = Again(table, options.trainings)
    means = [again(str(run), _winner(find_table(run), options.epochs)) for run in options.runs]
    if means:
        print(f"runs after {options.epochs} epochs: {_spread(means)}")
    objective = again.settings.objective
    best = [candidate for _, candidate in ranked(table.candidates, objective)[: options.best]]
    anew = [again(f"table's no. {i}", candidate) for i, candidate in enumerate(best, 1)]
    count = len(table.candidates)
    chances = best_chances(count, count // 2)[: -len(best) - 1 : -1]  # the best first
    expected = math.fsum(c * value for c, value in zip(chances, anew, strict=True)) / sum(chances)
    print(f"random search's winner of half the table, expected: {expected:.4f}")


class Again:
    """Train candidates again, as in the table's search."""

    def __init__(self, table: Table, trainings: int) -> None:
        self.settings = SearchSettings.from_json(dict(table.settings))
        self._trainings = trainings
        evaluation = EvaluationSettings(
            data=load_search_data(self.settings.data, self.settings.image_size),
            backbone=self.settings.grid.backbone,
            recipe=proxy(self.settings.epochs, self.settings.batch_size),
        )
        self._evaluator = Evaluator(evaluation, torch.device("cpu"))

    def __call__(self, name: str, first: Candidate) -> float:
        """Return the mean reward of the further trainings, and print it with its spread."""
        rewards = []
        for i in range(self._trainings):
            seed = FIRST_SEED + i
            new = Candidate(i, State.RUNNING, first.architecture, seed)
            ended: Candidate = deque(self._evaluator.evaluate(new), maxlen=1).pop()
            assert ended.state is State.COMPLETE, ended.detail
            rewards.append(reward(ended, self.settings.objective) or 0.0)
        recorded = reward(first, self.settings.objective)
        print(f"{name}: {recorded:.4f} in its search, again {_spread(rewards)}", flush=True)
        return fmean(rewards)


def _winner(table: Table, epochs: int) -> Candidate:
    """Return the best of the first candidates, which took this many epochs in total."""
    settings = SearchSettings.from_json(dict(table.settings))
    count = epochs // settings.epochs
    first = sorted(table.candidates, key=lambda candidate: candidate.number)[:count]
    return ranked(first, settings.objective)[0][1]


def _spread(values: Sequence[float]) -> str:
    spread = f" ± {stdev(values):.4f}" if len(values) > 1 else ""
    return f"{fmean(values):.4f}{spread}"


if __name__ == "__main__":
    main()
