"""The result of a comparison of proxy and full training, in the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.cli.echo import echo

if TYPE_CHECKING:
    from results.agreement import Estimate
    from results.candidate import Candidate
    from results.comparison import Comparison, Fidelity
    from results.proxy_report import Agreement, ProxyReport
    from reward.metric import Metric

_MOST_EPOCHS_SHOWN = 6  # of the learning curve


def print_comparison(
    candidates: Sequence[Candidate],
    comparison: Comparison,
    settings: Mapping[str, Any],
    path: Path,
    as_json: bool = False,
) -> None:
    """Print the result of a run of ``nas proxy``, as a table with sentences or as JSON.

    ``comparison`` is what it compares, ``settings`` are those in its record, and ``path`` is its
    directory.
    """
    import json

    from results.candidate import FULL
    from results.proxy_report import find_report
    from results.proxy_words import report_json
    from results.ranking import recorded_objective
    from reward.metric import recorded_metric

    report = find_report(candidates, comparison, recorded_objective(settings))
    if as_json:
        echo(json.dumps(report_json(report), indent=2, allow_nan=False))
        return
    echo()
    if report.proxy.reward is not None:
        _print_tables(report, comparison.fidelities[FULL], recorded_metric(settings))
    end = _end_options(settings)
    _print_sentences(report, path, end)
    planned = settings["budget"]
    if report.networks < planned and not report.is_precise:
        said = f"{report.networks} of {planned} networks are compared; go on with: nas proxy"
        echo(f"{said} --resume {path}{end}")


def _end_options(settings: Mapping[str, Any]) -> str:
    """Return the option that a run needs to go on after its time was up."""
    if settings.get("until") is None:
        return ""
    return " --until TIME" if settings.get("hours") is None else " --hours H"


def _print_tables(report: ProxyReport, full: Fidelity, metric: Metric) -> None:
    from nas.cli.tables import print_table, print_wrapped
    from nas.terminal import Terminal
    from results.proxy_words import described

    own = report.proxy
    print_wrapped(
        f"{report.networks} networks were trained by the proxy, {_seconds(own.seconds)} each, and "
        f"in full, {full.epochs} epochs at {full.image_size} px, "
        f"{_seconds(report.full_seconds)} each."
    )
    agreement = [
        ("tau of the reward", own.reward),
        ("its ceiling, by seeds", report.reward_ceiling),
        ("tau within the better half", own.better_half),
        (f"tau of {metric.title}", own.accuracy),
        ("its ceiling, by seeds", report.accuracy_ceiling),
    ]
    lost = f"reward lost by its best of {report.regret_of}, %"
    console = Terminal()
    print_table(
        console,
        ("proxy against full training<", "", "from", "to (95 %)"),
        [
            *((name, *_estimate(estimate)) for name, estimate in agreement),
            (lost, *_estimate(own.regret, 100)),
        ],
    )
    shown = [*_some(report.curve), own, *report.tried]
    rows = [
        (
            "the proxy" if each is own else described(each),
            _seconds(each.seconds),
            *_estimate(each.reward),
            "" if each.per_minute is None else f"{each.per_minute:.2g}",
        )
        for each in shown
    ]
    columns = ("trained by<", "time", "tau", "from", "to (95 %)", "tau per minute")
    print_table(console, columns, rows)


def _print_sentences(report: ProxyReport, path: Path, end: str) -> None:
    from nas.cli.tables import print_wrapped
    from results.proxy_words import answer, sentences

    print_wrapped(answer(report))
    for sentence in sentences(report):
        print_wrapped(sentence)
    if report.is_worth:
        echo(f"search with it: nas search --like {path}")
    if report.cheaper is not None:
        echo(f"or cheaper:     nas search --like {path} {_as_options(report.cheaper.name)}")
    if (more := report.more()) is not None:
        networks = report.networks + more[0]
        echo(f"more exactly:   nas proxy --resume {path} --networks {networks}{end}")
    echo(f"more: nas results {path}   nas dashboard {path}")


def _as_options(fidelity: str) -> str:
    """Return what is tried as options of ``nas search``."""
    names = {"epochs": "--epochs", "size": "--image-size", "data": "--data-share"}
    parts = (part.partition("=") for part in fidelity.split(","))
    return " ".join(f"{names[name]} {value}" for name, _, value in parts)


def _some(curve: Sequence[Agreement]) -> Sequence[Agreement]:
    """Return the whole curve, or of a long one every so many epochs."""
    step = -(-len(curve) // _MOST_EPOCHS_SHOWN) if curve else 1
    return curve[step - 1 :: step]


def _estimate(estimate: Estimate | None, scale: float = 1.0) -> tuple[str, str, str]:
    """Return the value and the ends of its interval as text; of None that it is not known."""
    from results.proxy_words import decimal

    if estimate is None:
        return "not known", "", ""
    digits = 1 if scale > 1 else 2
    value, low, high = (decimal(scale * part, digits) for part in estimate.parts)
    return value, low, high


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.1f} min"
