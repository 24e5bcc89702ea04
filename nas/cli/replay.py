"""``nas replay``: a sampler tried on a recorded run, without training."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import click

from nas.cli import options
from nas.cli.echo import echo
from nas.cli.option_types import Whole
from nas.cli.options import option

if TYPE_CHECKING:
    from nas.replay.prepare import Replayed, ReplayRequest


@options.command(
    {
        "Compare a sampler with random search": "nas replay runs/RUN --sampler evolution",
        "See what learning from an earlier run would save": "nas replay runs/RUN "
        "--learn-from runs/EARLIER",
        "Draw how a pruner changes the cost": "nas replay runs/RUN --scheduler asha "
        "--out replay.html",
        "Try a sampler on a table that others recorded": "nas replay table.csv --space space.yaml",
    },
    short_help="Compare samplers on a finished run, without training.",
)
@click.argument(
    "run",
    type=click.Path(path_type=Path),
    help="The directory of a run, its --save-table, or a table in CSV.",
)
@option(
    "--sampler",
    metavar="S",
    default="model",
    show_default=True,
    group="Sampler and pruners",
    help="Propose candidates by this sampler, as in nas search.",
)
@option(
    "--learn-from",
    metavar="RUN",
    multiple=True,
    type=click.Path(path_type=Path),
    group="Sampler and pruners",
    help="Learn from this run or table, as in nas search; the sampler without it is shown as well. "
    "May be repeated.",
)
@option(
    "--scheduler",
    metavar="S",
    default="none",
    show_default=True,
    group="Sampler and pruners",
    help="Stop weak candidates early by this scheduler, as in nas search.",
)
@option(
    "--bound",
    metavar="B",
    default="none",
    show_default=True,
    group="Sampler and pruners",
    help="Stop candidates that cannot beat the best by this bound, as in nas search.",
)
@option(
    "--space",
    metavar="SPACE",
    group="A table in CSV",
    help="Take the table's networks as of this space: a name, a YAML file, or a function.",
)
@option(
    "--cost",
    metavar="COLUMN",
    group="A table in CSV",
    help="Take this column in the place of step_time_s, such as multiply-adds.",
)
@option(
    "--reward",
    metavar="R",
    group="A table in CSV",
    help="Rank by this reward, as in nas search. Default: product.",
)
@option(
    "--repeats",
    type=Whole(1),
    default=50,
    show_default=True,
    group="Searches",
    help="Search N times, each time with another seed.",
)
@option(
    "--budget",
    type=Whole(1),
    group="Searches",
    help="Evaluate N candidates in each search. Default: half of the run's.",
)
@option(
    "--seed",
    type=Whole(0),
    default=0,
    show_default=True,
    group="Searches",
    help="Begin with this seed; each search takes the next one.",
)
@option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE.html",
    group="Output",
    help="Draw the best reward against the epochs trained on this page.",
)
@option(
    "--save-table",
    type=click.Path(path_type=Path),
    metavar="FILE.parquet",
    group="Output",
    help="Write the run's candidates to this file, which can be replayed without the run.",
)
@options.json_option()
def replay(
    run: Path,
    sampler: str,
    learn_from: tuple[Path, ...],
    scheduler: str,
    bound: str,
    space: str | None,
    cost: str | None,
    reward: str | None,
    repeats: int,
    budget: int | None,
    seed: int,
    out: Path | None,
    save_table: Path | None,
    as_json: bool,
) -> None:
    """Compare a sampler with random search on a finished run, without training.

    The sampler proposes among the run's candidates, whose results are looked
    up. The table shows how many epochs of training it needs to reach the best
    reward that random search is expected to find with its whole budget.

    A table in CSV has a network in each row and a column for each choice of
    --space, such as stage1.kernel, for accuracy, and if known for step_time_s,
    parameters, and epoch_1, epoch_2, ..., the accuracies after each epoch.
    """
    from rich.progress import Progress

    from nas.replay.foreign import ForeignTable
    from nas.replay.prepare import ReplayRequest, replayed
    from nas.terminal import Terminal

    foreign = ForeignTable(space, cost, reward)
    request = ReplayRequest(
        run, sampler, repeats, budget, scheduler, bound, seed, learn_from, foreign
    )
    if save_table:
        _save(request, save_table)
    console = Terminal(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("searches", total=None)
        result = replayed(request, lambda: progress.advance(task))
    for line in (result.damage, *result.notes):
        if line is not None:
            echo(f"nas: {line}", err=True)
    if out:
        from nas.replay.plot import write_plot

        _write_file(out, lambda: write_plot(out, result.traces, result.target))
    _print(result, as_json)


def _save(request: ReplayRequest, path: Path) -> None:
    from nas.replay.prepare import any_table
    from nas.replay.table import write_table

    table = any_table(request.run, request.foreign)
    _write_file(path, lambda: write_table(path, table))


def _write_file(path: Path, write: Callable[[], object]) -> None:
    from nas.errors import UserError

    try:
        write()
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from error


def _print(result: Replayed, as_json: bool) -> None:
    import json

    if as_json:
        echo(json.dumps(_json(result), indent=2, allow_nan=False))
        return
    from nas.cli.tables import print_table
    from nas.terminal import Terminal

    console = Terminal()
    console.print(
        f"{result.candidates} candidates. The target is {result.target:.4f}, the best reward that "
        f"random search is expected to find with {result.budget} of them, which take "
        f"{result.full_epochs:,} epochs to train.",
        soft_wrap=True,
        highlight=False,
    )
    rows = []
    for name, cost in result.costs.items():
        low, high = cost.interval or (math.nan, math.nan)
        share = cost.median / result.full_epochs
        spent = [_epochs(value) for value in (cost.median, low, high)]
        shown = f"{share:.2f}" if math.isfinite(share) else ""
        rows.append((name, *spent, shown, f"{100 * cost.reached:.0f} %"))
    columns = ("sampler<", "epochs to target", "from", "to (95 %)", "share", "reached")
    print_table(console, columns, rows)


def _epochs(value: float) -> str:
    if math.isnan(value):
        return ""
    return f"{value:,.0f}" if math.isfinite(value) else "not reached"


def _json(result: Replayed) -> dict[str, Any]:
    """Return the result as JSON; null stands for a target not reached within the budget."""
    return {
        "candidates": result.candidates,
        "budget": result.budget,
        "full_epochs": result.full_epochs,
        "target_reward": result.target,
        "strategies": [
            {
                "name": name,
                "repeats": len(result.traces[name]),
                "epochs_to_target": _finite(cost.median),
                "epochs_to_target_ci": cost.interval and [_finite(end) for end in cost.interval],
                "reached": cost.reached,
                "mean_best_reward": _finite(fmean(t.best[-1] for t in result.traces[name])),
            }
            for name, cost in result.costs.items()
        ],
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
