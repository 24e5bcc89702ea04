"""``nas bench --calibrate``: measures a few of a run's networks, and prints all mapped to here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nas.cli.echo import echo
from nas.devices import remarks, training_device

if TYPE_CHECKING:
    from nas.bench.calibrate import Calibration, CalibrationRequest
    from nas.bench.measure import Row
    from results.candidate import Candidate

_SHOWN = 10  # candidates in the table


def calibrate(request: CalibrationRequest, as_json: bool) -> None:
    """Measure the networks and print the calibration.

    Raises:
        UserError: an argument cannot be met, or too few networks could be measured.
        KeyboardInterrupt: Ctrl-C; what the networks measured so far tell has been printed.
    """
    from nas.bench.calibrate import FEWEST_NETWORKS, calibrated, plan_calibration

    plan = plan_calibration(request)
    for remark in remarks(training_device()):
        echo(remark, err=True)
    rows: list[tuple[Candidate, Row]] = []
    try:
        for i, (candidate, planned) in enumerate(plan.rows, 1):
            echo(
                f"{i}/{len(plan.rows)} {planned.file.name} at {planned.file.train_size} px, "
                f"batch {planned.batch_size}",
                err=True,
            )
            rows.append((candidate, planned.measure(request.cap_s)))
    except KeyboardInterrupt:
        if len(rows) >= FEWEST_NETWORKS:
            _show(calibrated(plan, rows), as_json)
        raise
    for _, row in rows:
        if row.problem is not None:
            echo(f"{row.name}: {row.problem}", err=True)
    _show(calibrated(plan, rows), as_json)


def _show(calibration: Calibration, as_json: bool) -> None:
    if as_json:
        echo(json.dumps(calibration.to_json(), indent=2))
        return
    from nas.cli.tables import print_table
    from nas.terminal import Terminal

    console = Terminal()
    errors = zip(calibration.pairs.items(), calibration.errors, strict=True)
    print_table(
        console,
        ("measured here<", "S/S0 of the run", "S/S0 here", "error %"),
        [
            (f"#{number}", f"{there:.2f}", f"{here:.2f}", f"{100 * error:+.1f}")
            for (number, (there, here)), error in errors
        ],
    )
    print_table(
        console,
        ("candidate<", "rank", "rank in the run", "reward", "accuracy", "S/S0", "step ms"),
        [
            (
                f"#{each.candidate.number}{'' if each.is_measured else ' mapped'}",
                str(each.rank),
                str(each.rank_there),
                f"{each.reward:.4f}",
                f"{100 * (each.candidate.accuracy or 0.0):.1f} %",
                f"{each.step_time:.2f}",
                f"{1000 * each.step_time * calibration.reference_step_time_s:.3g}",
            )
            for each in calibration.ranking[:_SHOWN]
        ],
    )
    for line in _remarks(calibration):
        console.print(line, highlight=False, markup=False)


def _remarks(calibration: Calibration) -> list[str]:
    fitted, count = calibration.map, len(calibration.errors)
    largest = max(map(abs, calibration.errors))
    left = len(calibration.ranking) - _SHOWN
    return [
        *([f"{left} more with --json."] if left > 0 else []),
        f"From {calibration.device_there} to {calibration.device}: "
        f"log S/S0 = {fitted.slope:.3f} log S/S0 of the run {fitted.intercept:+.3f}.",
        f"Error of a mapped step time, each network left out in turn: median "
        f"{100 * calibration.median_error:.1f} %, largest {100 * largest:.1f} % (n = {count}).",
    ]
