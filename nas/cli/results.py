"""``nas results``: the candidates of a run as a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nas.cli import options
from nas.cli.echo import echo
from nas.cli.option_types import Whole
from nas.cli.options import option

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from results.candidate import Candidate
    from results.comparison import Comparison
    from reward.metric import Metric
    from reward.objective import Objective

UNSTEADY = "~"  # marks a step time whose measurement was disturbed


@options.command(
    {
        "Show the ten best candidates": "nas results runs/RUN",
        "Read every candidate in another program": "nas results runs/RUN --json > candidates.json",
        "Save what can be read of a damaged run": "nas results runs/RUN --salvage runs/NEW",
    },
    short_help="Show the candidates of a run as a table.",
)
@click.argument("run", type=click.Path(path_type=Path), help="The directory of a run.")
@option("--top", type=Whole(1), default=10, show_default=True, help="Show the best N candidates.")
@option(
    "--salvage",
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="Write what can be read of a damaged run to this directory, new or empty, as a run that "
    "nas search --resume goes on with.",
)
@options.json_option(help="Print every candidate as JSON.")
def results(run: Path, top: int, salvage: Path | None, as_json: bool) -> None:
    """Show the candidates of a run, the best first, and how many failed or were stopped."""
    from nas.run_directory import open_for_reading
    from results.candidate import interrupted
    from results.dashboard.facts import is_searching
    from results.database import RecordError
    from results.ranking import recorded_objective
    from results.salvage import SALVAGE_HINT

    try:
        if salvage is not None:
            _salvage(run, salvage)
            return
        directory, record = open_for_reading(run)
        with record:
            candidates, settings = record.candidates(), record.settings()
    except RecordError as error:
        raise click.ClickException(f"RUN: {error}") from error
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
    if as_json:
        _print_json(directory.run_id, candidates, objective, settings, comparison)
        return
    from nas.terminal import Terminal
    from reward.metric import recorded_metric

    print_results(Terminal(), candidates, objective, top, recorded_metric(settings))
    _print_conclusion(candidates, objective, settings, comparison, run)


def _comparison(settings: Mapping[str, Any]) -> Comparison | None:
    from results.comparison import Comparison

    try:
        return Comparison.recorded(settings)
    except ValueError as error:  # of another release, or damaged
        raise click.ClickException(f"RUN: {error}") from error


def _print_conclusion(
    candidates: list[Candidate],
    objective: Objective,
    settings: Mapping[str, Any],
    comparison: Comparison | None,
    run: Path,
) -> None:
    """Print what a search is to say of its winner, or a comparison of its proxy."""
    from nas.cli.comparison import print_comparison
    from nas.cli.verdict import print_verdict
    from results.noise import outcomes
    from results.verdict import find_verdict

    if comparison is not None:
        print_comparison(candidates, comparison, settings, run)
    else:
        print_verdict(find_verdict(outcomes(candidates), objective, settings), run)


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
    console: Console, candidates: list[Candidate], objective: Objective, top: int, metric: Metric
) -> None:
    """Print the best ``top`` candidates, and the number of candidates in each state."""
    from nas.cli.tables import print_table, short_count
    from results.architecture_file import COEFFICIENTS, coefficients
    from results.candidate import devices, mixed_devices_warning, stages_text
    from results.ranking import normalized_step_time, ranked
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
            soft_wrap=True,
            highlight=False,
        )
    if has_unsteady:
        console.print(
            f"{UNSTEADY} something disturbed the measurement; --json shows what", highlight=False
        )
    _print_confirmed(console, candidates, objective, metric)
    console.print(_counts(candidates), highlight=False)
    kinds = devices(candidates)
    if len(kinds) > 1:
        console.print(mixed_devices_warning(kinds), highlight=False, markup=False)


def _counts(candidates: Sequence[Candidate]) -> str:
    """Return how many candidates there are of each state, and how many train others again."""
    from collections import Counter

    proposed = [candidate for candidate in candidates if candidate.confirms is None]
    counts = Counter(candidate.state.value for candidate in proposed)
    parts = [f"{count} {state}{_causes(proposed, state)}" for state, count in counts.most_common()]
    others = sum(candidate.fidelity is not None for candidate in candidates)
    backbones = sum(candidate.is_backbone for candidate in candidates)
    again = {
        "that confirm others": len(candidates) - len(proposed) - others - backbones,
        "of the backbone": backbones,
        "of them again, in full, or at another fidelity": others,
    }
    parts += [f"{count} {which}" for which, count in again.items() if count]
    return ", ".join(parts) or "no candidates yet"


def _scaled(candidate: Candidate) -> list[str]:
    """Return the image size and coefficients of a candidate of ``nas scale --fit``.

    They take the place of its stages, which follow from them.
    """
    from results.architecture_file import COEFFICIENTS, coefficients

    assert candidate.step_time is not None
    found = coefficients(candidate) or {}
    return [str(candidate.step_time.image_size), *(f"{found[n]:.2f}" for n in COEFFICIENTS)]


def _causes(candidates: list[Candidate], state: str) -> str:
    """Return how often each cause led to a state, in parentheses, if the state has causes."""
    from collections import Counter

    causes = Counter(c.cause for c in candidates if c.state.value == state)
    if state == "duplicate" or None in causes:
        return ""
    return " (" + ", ".join(f"{cause} {count}" for cause, count in causes.most_common()) + ")"


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


def _print_json(
    run_id: str,
    candidates: list[Candidate],
    objective: Objective,
    settings: Mapping[str, Any],
    comparison: Comparison | None,
) -> None:
    import json

    from results.files import candidate_json
    from results.noise import outcomes
    from results.proxy_report import find_report
    from results.proxy_words import report_json
    from results.verdict import find_verdict, noise_of

    verdict = find_verdict(outcomes(candidates), objective, settings)
    winner = verdict and {"number": verdict.winner, **verdict.to_json()}
    noise = verdict.noise if verdict else noise_of([], settings)
    metric = noise.metric.name
    task = {"run": run_id, **{key: settings.get(key) for key in ("classes", "in_channels")}}
    rows = [
        {**candidate_json(candidate, objective, noise), **_sizes(candidate, settings), **task}
        for candidate in candidates
    ]
    content: dict[str, Any] = {
        "run": run_id,
        "metric": metric,
        "winner": winner,
        "candidates": rows,
    }
    if comparison is not None:
        content["comparison"] = report_json(find_report(candidates, comparison, objective))
    echo(json.dumps(content, indent=2, allow_nan=False))


def _sizes(candidate: Candidate, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the image size to train and to evaluate at, also of a candidate that never was."""
    from results.candidate_file import recorded_size

    try:
        size = recorded_size(candidate, settings)
    except ValueError:  # settings of another release
        return {"image_size": None}
    return {"image_size": {"train": size, "eval": size}}
