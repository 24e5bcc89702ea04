"""``nas replay``: a strategy tried on a recorded run, without training."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import click

from nas.cli.options import Whole

if TYPE_CHECKING:
    from nas.replay.prepare import Replayed


@click.command(short_help="Try a strategy on a finished run.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--sampler", metavar="S", default="model", help="As of nas search.  [default: model]")
@click.option("--scheduler", metavar="S", default="none", help="As of nas search.")
@click.option("--bound", metavar="B", default="none", help="As of nas search.")
@click.option(
    "--repeats", type=Whole(1), default=50, show_default=True, help="Searches, of a seed each."
)
@click.option("--budget", type=Whole(1), help="Candidates of a search. Default: half of RUN's.")
@click.option("--seed", type=Whole(0), default=0, help="The first search's.  [default: 0]")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE.html", help="Draw the searches there."
)
@click.option(
    "--save-table",
    type=click.Path(path_type=Path),
    metavar="FILE.parquet",
    help="Write RUN as a table to replay, to keep or to share.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def replay(
    run: Path,
    sampler: str,
    scheduler: str,
    bound: str,
    repeats: int,
    budget: int | None,
    seed: int,
    out: Path | None,
    save_table: Path | None,
    as_json: bool,
) -> None:
    """Try a strategy on RUN's candidates, without training, beside random search.

    RUN is a run's directory or a table of one. Says how many epochs of
    training it takes to come to what random search's best is expected to be.
    """
    from rich.console import Console
    from rich.progress import Progress

    from nas.replay.prepare import ReplayRequest, replayed

    request = ReplayRequest(run, sampler, repeats, budget, scheduler, bound, seed)
    if save_table:
        _save(run, save_table)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("searches", total=None)
        result = replayed(request, lambda: progress.advance(task))
    if out:
        from nas.replay.plot import write_plot

        _written(out, lambda: write_plot(out, result.traces, result.target))
    _print(result, as_json)


def _save(run: Path, path: Path) -> None:
    from nas.replay.table import find_table, write_table

    table = find_table(run)
    _written(path, lambda: write_table(path, table))


def _written(path: Path, write: Callable[[], object]) -> None:
    from nas.errors import UserError

    try:
        write()
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from error


def _print(result: Replayed, as_json: bool) -> None:
    import json

    if as_json:
        click.echo(json.dumps(_json(result), indent=2, allow_nan=False))
        return
    from rich.console import Console

    from nas.cli.tables import print_table

    console = Console()
    console.print(
        f"{result.candidates} candidates. Random search's best of {result.budget}, which take "
        f"{result.full_epochs:,} epochs to train, is expected to be {result.target:.4f}.",
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
    columns = ("strategy<", "epochs until then", "from", "to (95 %)", "share", "reached")
    print_table(console, columns, rows)


def _epochs(value: float) -> str:
    if math.isnan(value):
        return ""
    return f"{value:,.0f}" if math.isfinite(value) else "not reached"


def _json(result: Replayed) -> dict[str, Any]:
    """null for an end that is not reached within the budget."""
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
