"""Compare samplers and pruners by the epochs trained until random search's expected best reward.

python -m benchmarks.strategies [TABLE] [--repeats 50] [--budget N] [--samplers model,tpe]
    [--pruners "no pruner" asha] [--seconds 0]

Searches are replayed on a recorded table, without training: every sampler without a pruner, with
successive halving and with each bound. The target is the reward that random search expects from its
whole budget. ``--seconds`` limits the time for the repeats of a line, which shows how many were
done.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass
from pathlib import Path

from nas.replay.replay import Cost, Replay, Trace, cost
from nas.replay.table import Table, find_table
from nas.search.pruners.base import Pruner, make_pruners
from nas.search.samplers.registry import SAMPLERS
from results.best_of import expected_best
from results.ranking import recorded_objective, reward
from reward.objective import Objective

TABLE = Path(__file__).parent / "small_on_shapes_24px.parquet"
PRUNERS = {
    "no pruner": ("none", "none"),
    "asha": ("asha", "none"),
    "bound certain": ("none", "certain"),
    "bound credible": ("none", "credible"),
    "asha, bound credible": ("asha", "credible"),
}


def main() -> None:
    """Print, per sampler and pruner, the median epochs, 95 % interval and share of the budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", nargs="?", type=Path, default=TABLE)
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument(
        "--budget", type=int, help="number of candidates (default: half of the table)"
    )
    parser.add_argument("--samplers", default=",".join(SAMPLERS))
    parser.add_argument("--pruners", nargs="+", choices=PRUNERS, default=list(PRUNERS))
    parser.add_argument("--seconds", type=float, default=math.inf)
    options = parser.parse_args()
    table = find_table(options.table)
    objective = recorded_objective(table.settings)
    rewards = [reward(candidate, objective) or 0.0 for candidate in table.candidates]
    budget = options.budget or len(rewards) // 2
    target, whole = expected_best(rewards, budget), budget * table.epochs
    print(
        f"{len(rewards)} networks, {table.epochs} epochs each. Random search's best of {budget}, "
        f"{whole} epochs, is {target:.4f} on average; {sum(r >= target for r in rewards)} networks "
        "reach that."
    )
    for pruner in options.pruners:
        scheduler, bound = PRUNERS[pruner]
        for sampler in options.samplers.split(","):
            search = Search(table, objective, sampler, scheduler, bound, target)
            traces = search.repeated(options.repeats, options.seconds)
            print(
                _line(f"{sampler}, {pruner}", cost(traces, target), len(traces), whole), flush=True
            )


@dataclass(frozen=True)
class Search:
    """Searches with one sampler and pruner on the table, which end at the target at the latest."""

    table: Table
    objective: Objective
    sampler: str
    scheduler: str
    bound: str
    target: float

    def repeated(self, repeats: int, seconds: float) -> list[Trace]:
        """Search once for each seed, until the time is up."""
        replay = Replay(self.table, self.objective)
        end, traces = time.monotonic() + seconds, [self._run(replay, 0)]
        while len(traces) < repeats and time.monotonic() < end:
            traces.append(self._run(replay, len(traces)))
        return traces

    def _run(self, replay: Replay, seed: int) -> Trace:
        budget = len(self.table.candidates)
        return replay.run(self.sampler, seed, budget, self._make_pruners, self.target)

    def _make_pruners(self) -> list[Pruner]:
        return make_pruners(self.scheduler, self.bound, self.objective, self.table.epochs)


def _line(name: str, spent: Cost, repeats: int, whole: int) -> str:
    low, high = spent.interval or (math.nan, math.nan)
    return (
        f"{name:36} {spent.median:6.0f} epochs ({low:.0f} to {high:.0f}), "
        f"{spent.median / whole:.3f} of the budget, reached by {100 * spent.reached:.0f} % "
        f"(n = {repeats})"
    )


if __name__ == "__main__":
    main()
