"""Judge hand-made networks as the candidates of a search: would the search have found them better?

python -m benchmarks.hand_made_in_search --from RUN --data PATH [--seeds 3]

The winner of RUN, its space's backbone, and the hand-made networks with the winner's parameters
(benchmarks/hand_made.py) are trained and timed as the search did, with new seeds. ``--data`` is the
data of that search. Each reward is printed with the rank that it would have had among the recorded
ones, which are of one training each and so flatter the best of them.

Where a hand-made network trains to an accuracy in less time than the winner, this tells which part
of the search is at fault: the space, if the hand-made network has the higher reward here; the
proxy or the reward, if it has the lower one.
"""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev

from benchmarks.cpu_protocol import follow, one_line_errors
from benchmarks.hand_made import hand_made
from benchmarks.real_data import searched
from nas.data.load import load_search_data
from nas.devices import training_device
from nas.errors import UserError
from nas.replay.table import find_table
from nas.search.evaluator import EvaluationSettings, Evaluator
from nas.training.recipe_options import RecipeOptions, make_recipe
from results.candidate import Candidate, State
from results.ranking import normalized_step_time, ranked, reward
from reward.complexity import count_parameters
from reward.step_time.clocks import device_name
from search_space.task import Task

FIRST_SEED = 10**6  # not drawn by any search


def main() -> None:
    """Print each network's accuracy, step time and reward, n, the spread and the machine."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--from", dest="run", type=Path, required=True, help="a search or a table")
    parser.add_argument("--data", required=True, help="the data of that search")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    follow("benchmarks.hand_made_in_search")
    with one_line_errors():
        _run(options)


def _run(options: argparse.Namespace) -> None:
    found, device = searched(options.run), training_device()
    settings, winner = found.settings, found.winner.architecture
    data = load_search_data(options.data, settings.image_size)
    recipe = make_recipe(
        settings.recipe,
        len(data.training),
        settings.epochs,
        settings.batch_size,
        RecipeOptions(**settings.recipe_options),
    )
    evaluator = Evaluator(EvaluationSettings(data, found.backbone, recipe), device)
    task = Task(data.classes, data.channels)
    networks = {"winner": winner, "backbone": found.backbone}
    networks |= hand_made(found.backbone, count_parameters(winner, task), task)
    objective = settings.objective
    rewards = [value for value, _ in ranked(find_table(options.run).candidates, objective)]
    print(f"{device_name(device)}, n = {options.seeds} seeds, {len(rewards)} recorded rewards")
    for name, architecture in networks.items():
        ended = []
        for seed in range(FIRST_SEED, FIRST_SEED + options.seeds):
            candidate = Candidate(seed, State.RUNNING, architecture, seed)
            last: Candidate = deque(evaluator.evaluate(candidate), maxlen=1).pop()
            if last.state is not State.COMPLETE:
                raise UserError(f"{name}: {last.detail}", exit_code=1)
            ended.append(last)
        mean = fmean(reward(one, objective) or 0.0 for one in ended)
        rank = 1 + sum(value > mean for value in rewards)
        print(
            f"{name}: accuracy {_spread([100 * (one.accuracy or 0.0) for one in ended], 1)} %, "
            f"step {_spread([normalized_step_time(one) or 0.0 for one in ended], 2)}, reward "
            f"{_spread([reward(one, objective) or 0.0 for one in ended], 4)}, would be no. {rank}",
            flush=True,
        )


def _spread(values: Sequence[float], digits: int) -> str:
    spread = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{fmean(values):.{digits}f}{spread}"


if __name__ == "__main__":
    main()
