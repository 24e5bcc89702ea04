"""``nas results``: the candidates of a run as a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nas.cli import options
from nas.cli.echo import echo
from nas.cli.option_types import Whole
from nas.cli.options import option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from results.candidate import Candidate
    from results.comparison import Comparison
    from results.forecast import Plan
    from reward.metric import Metric
    from reward.objective import Objective

UNSTEADY = "~"  # marks a step time whose measurement was disturbed


@options.command(
    {
        "Show the ten best candidates": "nas results runs/RUN",
        "Draw the front in the terminal": "nas results runs/RUN --plot",
        "Read every candidate in another program": "nas results runs/RUN --json > candidates.json",
        "Save what can be read of a damaged run": "nas results runs/RUN --salvage runs/NEW",
    },
    short_help="Show the candidates of a run as a table.",
)
@click.argument("run", type=click.Path(path_type=Path), help="The directory of a run.")
@option("--top", type=Whole(1), default=10, show_default=True, help="Show the best N candidates.")
@option(
    "--plot",
    is_flag=True,
    help="Draw accuracy against step time in characters, with the Pareto front, instead of tables.",
)
@option("--csv", "as_csv", is_flag=True, help="Print every candidate as CSV, as in candidates.csv.")
@option(
    "--salvage",
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="Write what can be read of a damaged run to this directory, new or empty, as a run that "
    "nas search --resume goes on with.",
)
@options.json_option(help="Print every candidate as JSON.")
def results(
    run: Path, top: int, plot: bool, as_csv: bool, salvage: Path | None, as_json: bool
) -> None:
    """Show the candidates of a run, the best first, and how many failed or were stopped."""
    _check_one_of({"--plot": plot, "--csv": as_csv, "--json": as_json})
    from results.database import RecordError

    try:
        if salvage is not None:
            _salvage(run, salvage)
            return
        content = _read(run)
    except RecordError as error:
        raise click.ClickException(f"RUN: {error}") from error
    if as_json:
        _print_json(content)
    elif as_csv:
        _print_csv(content)
    elif plot:
        print_plot(_console(), content.candidates, content.objective, content.metric)
    else:
        _print_tables(content, top)


@dataclass(frozen=True)
class _Content:
    """What is printed of a run."""

    path: Path
    run_id: str
    candidates: list[Candidate]
    settings: dict[str, Any]
    objective: Objective
    comparison: Comparison | None

    @property
    def metric(self) -> Metric:
        from reward.metric import recorded_metric

        return recorded_metric(self.settings)


def _read(run: Path) -> _Content:
    """Read a run; say what of it is damaged or not recorded yet.

    Raises:
        RecordError: the record cannot be read.
        ClickException, UserError: nothing of it can be shown.
    """
    from nas.run_directory import open_for_reading
    from results.candidate import interrupted
    from results.dashboard.facts import is_searching
    from results.ranking import recorded_objective
    from results.salvage import SALVAGE_HINT

    directory, record = open_for_reading(run)
    with record:
        candidates, settings = record.candidates(), record.settings()
    if record.damage is not None:
        if not candidates:
            raise click.ClickException(f"RUN: {record.damage}")
        echo(f"nas: {record.damage}; {SALVAGE_HINT}", err=True)
    _say_what_waits(directory.spool)
    if is_searching(run) is False:
        candidates = interrupted(candidates)
    try:
        objective = recorded_objective(settings)
    except ValueError as error:  # of another release
        raise click.ClickException(f"RUN: reward: {error}") from error
    comparison = _comparison(settings)
    return _Content(run, directory.run_id, candidates, settings, objective, comparison)


def _console() -> Console:
    from nas.terminal import Terminal

    return Terminal()


def _print_tables(content: _Content, top: int) -> None:
    from results.dashboard.facts import plan_of, space_of

    candidates, objective = content.candidates, content.objective
    plan = plan_of(content.settings, space_of(content.settings)[0])
    print_results(_console(), candidates, objective, top, content.metric, plan)
    _print_conclusion(content)


def _check_one_of(options: Mapping[str, bool]) -> None:
    given = [name for name, is_given in options.items() if is_given]
    if len(given) > 1:
        raise click.UsageError(
            f"{given[1]}: not allowed together with {given[0]}, must be one of the two"
        )


def _print_csv(content: _Content) -> None:
    from results.files import csv_text
    from results.noise import outcomes
    from results.verdict import noise_of

    noise = noise_of(outcomes(content.candidates), content.settings)
    click.echo(csv_text(content.candidates, content.objective, noise), nl=False)


_PLOT_ROWS = 16  # of the area with the points; fewer in a low terminal


def print_plot(
    console: Console, candidates: list[Candidate], objective: Objective, metric: Metric
) -> None:
    """Draw accuracy against step time, with the front and the winner."""
    from nas.terminal import is_ascii, plot_text
    from results.ranking import winner
    from results.text_plot import ASCII, UNICODE, Front, plot_lines

    chosen = winner(candidates, objective)
    front = Front.of(candidates, None if chosen is None else chosen.number)
    marks = ASCII if is_ascii(console) else UNICODE
    rows = min(_PLOT_ROWS, max(5, console.height - 6)) if console.is_terminal else _PLOT_ROWS
    lines = plot_lines(front, metric.title, console.width, rows, marks)
    for line in lines or ["no candidate is complete yet"]:
        console.print(plot_text(line), highlight=False)


def _comparison(settings: Mapping[str, Any]) -> Comparison | None:
    from results.comparison import Comparison

    try:
        return Comparison.recorded(settings)
    except ValueError as error:  # of another release, or damaged
        raise click.ClickException(f"RUN: {error}") from error


def _print_conclusion(content: _Content) -> None:
    """Print what a search is to say of its winner, or a comparison of its proxy."""
    from nas.cli.comparison import print_comparison
    from nas.cli.verdict import print_verdict
    from results.noise import outcomes
    from results.verdict import find_verdict

    candidates, settings, path = content.candidates, content.settings, content.path
    if content.comparison is not None:
        print_comparison(candidates, content.comparison, settings, path)
    else:
        print_verdict(find_verdict(outcomes(candidates), content.objective, settings), path)


def _salvage(run: Path, out: Path) -> None:
    """Write what can be read of a run to another, and print how much that is."""
    from nas.search.salvage import salvage_run

    salvaged, count, damage = salvage_run(run, out)
    if damage is not None:
        echo(f"nas: {damage}", err=True)
    echo(f"{salvaged.path}: {count} candidates; go on with: nas search --resume {out}")


def _say_what_waits(spool: Path) -> None:
    """Print how many finished candidates the record does not hold yet, if any."""
    from results.spool import read_spool

    count = len(list(read_spool(spool)))
    if count:
        echo(
            f"nas: {spool}: holds {count} more, finished while the record was away; "
            "nas search --resume records them",
            err=True,
        )


def print_results(
    console: Console,
    candidates: list[Candidate],
    objective: Objective,
    top: int,
    metric: Metric,
    plan: Plan | None = None,
) -> None:
    """Print the best ``top`` candidates, and how many there are of what is planned."""
    from nas.cli.tables import print_table
    from results.architecture_file import COEFFICIENTS, coefficients
    from results.candidate import devices, mixed_devices_warning, stages_text
    from results.forecast import Plan
    from results.ranking import normalized_step_time, ranked
    from results.standing import Standing
    from results.units import short_count
    from reward.step_time.measurement import median_s

    rows: list[tuple[str, ...]] = []
    has_unsteady = False
    is_fit = any(map(coefficients, candidates))
    for value, candidate in ranked(candidates, objective)[:top]:
        assert candidate.step_time is not None
        mark = UNSTEADY if candidate.step_time.unsteady else ""
        has_unsteady |= bool(mark)
        rows.append(
            (
                str(candidate.number),
                f"{value:.4f}",
                f"{100 * (candidate.accuracy or 0):.1f}",
                f"{1000 * median_s(candidate.step_time):.1f}",
                f"{mark}{normalized_step_time(candidate):.2f}",
                short_count(candidate.parameters),
                *(_scaled(candidate) if is_fit else [stages_text(candidate.architecture)]),
            )
        )
    last = ("px", *COEFFICIENTS) if is_fit else ("stages<",)
    if rows:
        print_table(
            console,
            ("no.", "reward", f"{metric.short} %", "step ms", "S/S0", "params", *last),
            rows,
        )
    if rows and not is_fit:
        console.print(
            "F/M: fused/plain MBConv and kernel, e expansion, c channels, x layers, / stride",
            highlight=False,
        )
    if has_unsteady:
        console.print(
            f"{UNSTEADY} something disturbed the measurement; --json shows what", highlight=False
        )
    _print_confirmed(console, candidates, objective, metric)
    console.print(Standing.of(candidates, plan or Plan()).sentence, highlight=False)
    kinds = devices(candidates)
    if len(kinds) > 1:
        console.print(mixed_devices_warning(kinds), highlight=False, markup=False)


def _scaled(candidate: Candidate) -> list[str]:
    """Return the image size and coefficients of a candidate of ``nas scale --fit``.

    They take the place of its stages, which follow from them.
    """
    from results.architecture_file import COEFFICIENTS, coefficients

    assert candidate.step_time is not None
    found = coefficients(candidate) or {}
    return [str(candidate.step_time.image_size), *(f"{found[n]:.2f}" for n in COEFFICIENTS)]


def _print_confirmed(
    console: Console, candidates: list[Candidate], objective: Objective, metric: Metric
) -> None:
    """Print the candidates that were trained again, the highest mean and so the winner first."""
    from statistics import fmean

    from nas.cli.tables import print_table
    from results.ranking import confirmed, seed_deviation

    results = confirmed(candidates, objective)
    rows = [
        (
            str(result.candidate.number),
            str(len(result.trainings)),
            str(len(result.trainings[-1].curve)),
            f"{fmean(result.rewards):.4f}",
            f"{fmean(result.fresh_rewards):.4f}",
            f"{100 * fmean(result.accuracies):.1f}",
            f"{100 * fmean(result.fresh_accuracies):.1f}",
        )
        for result in results
    ]
    if not rows:
        return
    console.print("\ntrained again, best mean reward first:", highlight=False)
    columns = ("no.", "trainings", "epochs", "reward", "fresh", f"{metric.short} %", "fresh")
    print_table(console, columns, rows)
    console.print(
        "fresh: the mean without the first training, by which a candidate was selected",
        highlight=False,
    )
    reward_sd = seed_deviation([result.fresh_rewards for result in results])
    accuracy_sd = seed_deviation([result.fresh_accuracies for result in results])
    if reward_sd is not None and accuracy_sd is not None:
        console.print(
            f"seeds alone: standard deviation {reward_sd:.4f} of the reward, "
            f"{100 * accuracy_sd:.1f} points of {metric.title}",
            highlight=False,
        )


def _print_json(content: _Content) -> None:
    import json

    from results.files import candidate_json
    from results.noise import outcomes
    from results.proxy_report import find_report
    from results.proxy_words import report_json
    from results.verdict import find_verdict, noise_of

    candidates, objective, settings = content.candidates, content.objective, content.settings
    run_id = content.run_id
    verdict = find_verdict(outcomes(candidates), objective, settings)
    winner = verdict and {"number": verdict.winner, **verdict.to_json()}
    noise = verdict.noise if verdict else noise_of([], settings)
    metric = noise.metric.name
    task = {"run": run_id, **{key: settings.get(key) for key in ("classes", "in_channels")}}
    rows = [
        {**candidate_json(candidate, objective, noise), **_sizes(candidate, settings), **task}
        for candidate in candidates
    ]
    printed: dict[str, Any] = {
        "run": run_id,
        "metric": metric,
        "winner": winner,
        "candidates": rows,
    }
    if content.comparison is not None:
        report = find_report(candidates, content.comparison, objective)
        printed["comparison"] = report_json(report)
    echo(json.dumps(printed, indent=2, allow_nan=False))


def _sizes(candidate: Candidate, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the image size to train and to evaluate at, also of a candidate that never was."""
    from results.candidate_file import recorded_size

    try:
        size = recorded_size(candidate, settings)
    except ValueError:  # settings of another release
        return {"image_size": None}
    return {"image_size": {"train": size, "eval": size}}
