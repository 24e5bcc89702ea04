"""Runs the searches of ``nas replay`` and summarizes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nas.errors import UserError
from nas.replay.foreign import ForeignTable, read_foreign
from nas.replay.replay import Cost, Replay, Trace, cost
from nas.replay.table import Table, find_table
from nas.search.earlier_runs import EarlierRun
from nas.search.pruners.base import Pruner, check_pruners, make_pruners
from nas.search.samplers.registry import LEARNING_SAMPLERS, check_sampler
from results.best_of import expected_best
from results.ranking import recorded_objective, reward

BASELINE = "random"


@dataclass(frozen=True)
class ReplayRequest:
    """A sampler with pruners to replay on a table, and how often.

    Random search without pruners is the baseline. With runs or tables to ``learn_from``, the same
    sampler without them is replayed too. ``foreign`` says how a table in CSV is read.
    """

    run: Path
    sampler: str
    repeats: int
    budget: int | None
    scheduler: str
    bound: str
    seed: int
    learn_from: tuple[Path, ...] = ()
    foreign: ForeignTable = field(default_factory=ForeignTable)


@dataclass(frozen=True)
class Replayed:
    """The searches by name, and what each costs to reach the target.

    ``target`` is the best reward that random search is expected to find with its whole budget.
    Training that budget takes ``full_epochs``. ``damage`` is a line on what could not be read, and
    ``notes`` are lines on what the table lacks.
    """

    candidates: int
    budget: int
    full_epochs: int
    target: float
    traces: dict[str, list[Trace]]
    costs: dict[str, Cost]
    damage: str | None = None
    notes: tuple[str, ...] = ()


def replayed(request: ReplayRequest, listener: Callable[[], None] = lambda: None) -> Replayed:
    """Run all searches; ``listener`` is called after each.

    Raises:
        UserError: an option cannot be met.
    """
    check_sampler(request.sampler)
    if request.learn_from and request.sampler not in LEARNING_SAMPLERS:
        raise UserError(
            f"--learn-from: not allowed together with --sampler {request.sampler}, "
            f"must be {' or '.join(LEARNING_SAMPLERS)}"
        )
    table = any_table(request.run, request.foreign)
    check_pruners(request.scheduler, request.bound, table.epochs)
    try:
        objective = recorded_objective(table.settings)
    except ValueError as error:  # of another release
        raise UserError(f"RUN: reward: {error}", exit_code=1) from error
    rewards = [reward(candidate, objective) or 0.0 for candidate in table.candidates]
    budget = _budget(request.budget, len(rewards))
    plain = Replay(table, objective)

    def pruners() -> Sequence[Pruner]:
        return make_pruners(request.scheduler, request.bound, objective, table.epochs)

    searches: dict[str, tuple[Replay, str, Callable[[], Sequence[Pruner]]]] = {}
    if request.learn_from:
        earlier = [_earlier(path, table, request.foreign) for path in request.learn_from]
        learning = Replay(table, objective, earlier)
        searches[f"{_name(request)}, learning"] = (learning, request.sampler, pruners)
    searches[_name(request)] = (plain, request.sampler, pruners)
    if _name(request) != BASELINE:
        searches[BASELINE] = (plain, BASELINE, list)
    traces: dict[str, list[Trace]] = {name: [] for name in searches}
    for name, (replay, sampler, new_pruners) in searches.items():
        for repeat in range(request.repeats):
            traces[name].append(replay.run(sampler, request.seed + repeat, budget, new_pruners))
            listener()
    target = expected_best(rewards, budget)
    costs = {name: cost(repeats, target) for name, repeats in traces.items()}
    full_epochs = budget * table.epochs
    return Replayed(
        len(rewards), budget, full_epochs, target, traces, costs, table.damage, table.notes
    )


def any_table(path: Path, foreign: ForeignTable, argument: str = "RUN") -> Table:
    """Return the table of a run, of a file of ours, or of a CSV file.

    Raises:
        UserError: ``path`` is none of them, or an option for CSV files is given for another.
    """
    if path.suffix.lower() == ".csv":
        return read_foreign(path, foreign, argument)
    if argument == "RUN":
        foreign.check_unused()
    return find_table(path, argument)


def _earlier(path: Path, table: Table, foreign: ForeignTable) -> EarlierRun:
    """Return what a run or a table tells about the space of the replayed one."""
    other = any_table(path, foreign, "--learn-from")
    try:
        return EarlierRun.of(str(path), other.candidates, other.settings, table.space)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"--learn-from: {path}: {error}") from error


def _budget(wanted: int | None, rows: int) -> int:
    """Return the budget, by default half of the table's rows."""
    if rows < 2:
        raise UserError(f"RUN: has {rows} complete candidates, must have 2 or more")
    budget = wanted or rows // 2
    if budget > rows:
        raise UserError(f"--budget: got {budget}, must be from 1 to the table's {rows}")
    return budget


def _name(request: ReplayRequest) -> str:
    pruners = [name for name in (request.scheduler, request.bound) if name != "none"]
    return " + ".join([request.sampler, *pruners])
