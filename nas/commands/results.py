"""``nas results``: the candidates of a run as a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nas.commands.options import Whole

if TYPE_CHECKING:
    from rich.console import Console

    from results.candidate import Candidate


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--top", type=Whole(1), default=10, show_default=True, help="The best N candidates.")
@click.option("--json", "as_json", is_flag=True, help="Every candidate, as JSON.")
def results(run: Path, top: int, as_json: bool) -> None:
    """Show the candidates of RUN, the best first."""
    from nas.run_directory import open_for_reading
    from results.record_error import RecordError

    try:
        directory, record = open_for_reading(run)
        with record:
            candidates = record.candidates()
    except RecordError as error:
        raise click.ClickException(f"RUN: {error}") from error
    if as_json:
        _print_json(directory.run_id, candidates)
    else:
        from rich.console import Console

        print_results(Console(), candidates, top)


def print_results(console: Console, candidates: list[Candidate], top: int) -> None:
    """The best ``top`` candidates, and how many there are of each state."""
    from collections import Counter

    from nas.commands.tables import print_table, short_count
    from results.notation import stages_text
    from results.worth import normalized_step_time, ranked
    from reward.objective import Objective
    from reward.step_time_statistics import median_s

    rows = []
    for value, candidate in ranked(candidates, Objective())[:top]:
        assert candidate.step_time is not None
        rows.append(
            (
                str(candidate.number),
                f"{value:.4f}",
                f"{100 * (candidate.accuracy or 0):.1f}",
                f"{1000 * median_s(candidate.step_time):.1f}",
                f"{normalized_step_time(candidate):.2f}",
                short_count(candidate.parameters),
                stages_text(candidate.architecture),
            )
        )
    columns = ("no.", "reward", "acc. %", "step ms", "S/S0", "params", "stages<")
    if rows:
        print_table(console, columns, rows)
        console.print(
            "F/M: fused/plain MBConv and kernel, e expansion, c channels, x layers, / stride",
            soft_wrap=True,
            highlight=False,
        )
    counts = Counter(candidate.state.value for candidate in candidates)
    causes = Counter(c.cause for c in candidates if c.state.value == "failed")
    parts = [f"{count} {state}" for state, count in counts.most_common()]
    failures = ", ".join(f"{cause} {count}" for cause, count in causes.most_common())
    console.print(", ".join(parts) + (f" ({failures})" if failures else "") or "no candidates yet")


def _print_json(run_id: str, candidates: list[Candidate]) -> None:
    import json

    from results.candidate_json import candidate_json
    from reward.objective import Objective

    objective = Objective()
    rows = [candidate_json(candidate, objective) for candidate in candidates]
    click.echo(json.dumps({"run": run_id, "candidates": rows}, indent=2, allow_nan=False))
