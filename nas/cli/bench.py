"""``nas bench``: measured training steps and inference, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nas.cli import options
from nas.cli.echo import echo
from nas.cli.option_types import Seconds, Whole, WholeNumbers
from nas.cli.options import option

if TYPE_CHECKING:
    from nas.bench.measure import Row
    from nas.bench.prepare import PlannedRow


@options.command(
    {
        "Compare two networks at the same image size": "nas bench efficientnetv2-s efficientnet-b4 "
        "--image-size 224",
        "Measure a searched network against its space's backbone": "nas bench "
        "runs/RUN/best.json --reference small",
        "Rank a run's candidates for this device": "nas bench --calibrate runs/RUN",
    },
    short_help="Measure training steps, inference and memory of networks.",
)
@click.argument("archs", metavar="ARCH...", nargs=-1, help=f"Each is {options.ARCH}.")
@option(
    "--image-size",
    "image_sizes",
    type=WholeNumbers(4, 4096),
    default=(),
    metavar="N,..",
    group="Networks",
    help="Train and infer at these image sizes in pixels. Default: each network's own sizes.",
)
@option(
    "--batch-size",
    "batch_sizes",
    type=WholeNumbers(2),
    default=(),
    metavar="N,..",
    group="Networks",
    help="Train on batches of these sizes. Default: the size that a search measured ARCH with, or "
    "else 2 to 128, by the image size.",
)
@option(
    "--fuse",
    metavar="STAGES",
    group="Networks",
    help="Replace the blocks of these stages by Fused-MBConv: 1-3, or several variants: "
    "none,1-3,1-5.",
)
@option(
    "--reference",
    metavar="ARCH",
    group="Measurement",
    help="Time each network in turn with this one: an ARCH, or a space for its backbone. Default: "
    "the first ARCH.",
)
@option(
    "--time-cap",
    type=Seconds(),
    group="Measurement",
    help="Time the steps of a network for at most so long, or twice as long if something disturbs "
    "them.  [default: 30]",
)
@options.compile_option(group="Measurement")
@option(
    "--calibrate",
    metavar="RUN",
    type=click.Path(path_type=Path),
    group="Another device",
    help="Measure some of this run's networks here, map the step times of all its candidates to "
    "this device, and rank them by it. ARCH: measure these candidates, five or more. Default: "
    "--networks, spread over step time.",
)
@option(
    "--networks",
    type=Whole(5),
    group="Another device",
    help="Measure so many networks for --calibrate.  [default: 7]",
)
@option(
    "--csv",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    group="Output",
    help="Write the rows to this CSV file.",
)
@option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.html",
    group="Output",
    help="Draw the rows as plots on this page.",
)
@options.json_option()
def bench(
    archs: tuple[str, ...],
    image_sizes: tuple[int, ...],
    batch_sizes: tuple[int, ...],
    fuse: str | None,
    reference: str | None,
    time_cap: float | None,
    is_compiled: bool | None,
    calibrate: Path | None,
    networks: int | None,
    csv: Path | None,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Measure the training step, the inference and the memory of networks.

    Each network's training step is timed in turn with that of the reference,
    until the 95 % intervals of the step and of the ratio of the two are within
    1 % on a GPU, or 2 % on a CPU, or until time is up. A CPU is timed on one
    thread.
    """
    from nas.bench.measure import DEFAULT_CAP_S
    from nas.bench.prepare import BenchRequest, plan

    cap_s = time_cap or DEFAULT_CAP_S
    if calibrate is not None:
        _check_alone(
            {
                "--image-size": image_sizes,
                "--batch-size": batch_sizes,
                "--fuse": fuse,
                "--reference": reference,
                "--csv": csv,
                "--plot": plot,
            }
        )
        _calibrate(calibrate, archs, networks, cap_s, is_compiled, as_json)
        return
    if networks is not None:
        raise click.UsageError("--networks: only allowed together with --calibrate")
    if not archs:
        raise click.UsageError("Missing argument 'ARCH...'.")
    planned = plan(
        BenchRequest(archs, image_sizes, batch_sizes, fuse, reference, cap_s, bool(is_compiled))
    )
    _check_places(csv, plot)
    from nas.devices import remarks, training_device  # imports torch

    for remark in remarks(training_device()):
        echo(remark, err=True)
    rows: list[Row] = []
    try:
        _measure(planned, cap_s, rows)
    except KeyboardInterrupt:  # the finished rows are still shown
        if rows:
            _show(rows, csv, plot, as_json)
        raise
    _show(rows, csv, plot, as_json)
    if all(row.measurement is None for row in rows):
        raise click.ClickException("nothing could be measured")


def _check_alone(given: Mapping[str, object]) -> None:
    """Check that no option is given that --calibrate decides by the run."""
    for option_name, value in given.items():
        if value:
            raise click.UsageError(f"{option_name}: not allowed together with --calibrate")


def _calibrate(
    run: Path,
    archs: tuple[str, ...],
    networks: int | None,
    cap_s: float,
    is_compiled: bool | None,
    as_json: bool,
) -> None:
    from nas.bench.calibrate import DEFAULT_NETWORKS, CalibrationRequest
    from nas.cli.calibration import calibrate

    if archs and networks is not None:
        raise click.UsageError("--networks: not allowed together with ARCH, must be one of the two")
    count = networks or DEFAULT_NETWORKS
    calibrate(CalibrationRequest(run, archs, count, cap_s, is_compiled), as_json)


def _measure(planned: Sequence[PlannedRow], cap_s: float, rows: list[Row]) -> None:
    for i, row in enumerate(planned, 1):
        batch = f", batch {row.batch_size}" if row.batch_size else ""
        size = f"{row.file.train_size} px{batch}"
        echo(f"{i}/{len(planned)} {row.file.name} at {size}", err=True)
        rows.append(row.measure(cap_s))


def _check_places(csv: Path | None, plot: Path | None) -> None:
    """Check where files are to be written, before minutes of measurements."""
    for path in (csv, plot):
        if path is not None and not path.absolute().parent.is_dir():
            raise click.UsageError(f"--csv, --plot: got {path}, must be in a folder that exists")
    if plot is not None and plot.suffix != ".html":
        raise click.UsageError(f"--plot: got {plot}, must end in .html")


def _show(rows: Sequence[Row], csv: Path | None, plot: Path | None, as_json: bool) -> None:
    import json

    data = [row.to_json() for row in rows]
    if as_json:
        echo(json.dumps(data, indent=2))
    else:
        _print_rows(data)
    try:
        if csv is not None:
            _write_csv(csv, data)
        if plot is not None and any(row["problem"] is None for row in data):
            from results.bench_plot import write_bench_plot

            write_bench_plot(plot, data)
    except OSError as error:
        raise click.ClickException(f"--csv, --plot: cannot be written ({error})") from error


# The table.

_ONE_TABLE_FROM = 110  # columns; below, costs and times are two tables
_SETTING = ("name<", "px", "batch")
_TRAINING = ("step ms", "+- %", "x ref", "train/s", "memory")
_INFERENCE = ("params", "mult-adds", "infer ms", "infer/s")


def _print_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print one table, or two where the terminal is narrow, then remarks on single rows."""
    from nas.cli.tables import print_table
    from nas.terminal import Terminal

    console = Terminal()
    measured = [row for row in rows if row["problem"] is None]
    if measured and console.width >= _ONE_TABLE_FROM:
        cells = [(*_setting(row), *_training(row), *_inference(row)) for row in measured]
        print_table(console, (*_SETTING, *_TRAINING, *_INFERENCE), cells)
    elif measured:
        for columns, cells_of in ((_TRAINING, _training), (_INFERENCE, _inference)):
            cells = [(*_setting(row), *cells_of(row)) for row in measured]
            print_table(console, (*_SETTING, *columns), cells)
    for row in rows:
        for remark in _remarks(row):
            size = row["image_size"]["train"]
            console.print(f"{row['name']} at {size} px: {remark}", highlight=False, markup=False)
    if measured:
        console.print(_legend(measured), highlight=False, markup=False)


def _setting(row: Mapping[str, Any]) -> tuple[str, ...]:
    train, evaluation = row["image_size"]["train"], row["image_size"]["eval"]
    pixels = str(train) if train == evaluation else f"{train}/{evaluation}"
    return row["name"], pixels, str(row["batch_size"])


def _training(row: Mapping[str, Any]) -> tuple[str, ...]:
    from results.units import short_count

    step_s, interval = row["step_time_s"], row["step_time_ci_s"]
    half = 50 * (interval[1] - interval[0]) / step_s if interval else None
    return (
        f"{1000 * step_s:.3g}" if step_s < 1 else f"{1000 * step_s:.0f}",
        "" if half is None else f"{half:.1f}",
        f"{row['normalized_step_time']:.2f}",
        _rate(row["images_per_s"]),
        f"{short_count(row['peak_memory_bytes'])}B",
    )


def _inference(row: Mapping[str, Any]) -> tuple[str, ...]:
    from results.units import short_count

    return (
        short_count(row["parameters"]),
        short_count(row["multiply_adds"]),
        "" if row["inference_time_s"] is None else f"{1000 * row['inference_time_s']:.3g}",
        "" if row["inference_images_per_s"] is None else _rate(row["inference_images_per_s"]),
    )


def _rate(images_per_s: float) -> str:
    return f"{images_per_s:.3g}" if images_per_s < 100 else f"{images_per_s:,.0f}"


def _remarks(row: Mapping[str, Any]) -> list[str]:
    from results.timing_notes import remarks_on

    if row["problem"] is not None:
        return [row["problem"]]
    remarks = []
    if row["micro_batch_size"] < row["batch_size"]:
        remarks.append(f"fits into memory {row['micro_batch_size']} images at a time")
    if row["inference_images_per_s"] is None:
        remarks.append("the batch does not fit into memory for inference")
    if row["unsteady"]:
        remarks.append(f"unsteady: {row['unsteady']}")
    remarks += remarks_on(row["conditions"] or {})
    if not row["unsteady"] and not row["is_precise"]:
        remarks.append(f"time was up after {row['steps']} steps, before it was precise")
    return remarks


def _legend(rows: Sequence[Mapping[str, Any]]) -> str:
    references = ", ".join(dict.fromkeys(row["reference"] for row in rows))
    devices = ", ".join(dict.fromkeys(row["device"] for row in rows))
    return (
        f"px: to train, or to train/infer. x ref: the step of {references} at these px, in turn. "
        f"infer ms: one image; infer/s: in batches. On {devices}."
    )


# The CSV file.


def _write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write one line a row; a pair (train and eval, low and high) becomes two columns."""
    import csv
    import io

    from nas.bench.measure import flat_row
    from results.atomic import write_text

    flat = [flat_row(row) for row in rows]
    columns = list(dict.fromkeys(key for row in flat for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    write_text(path, text.getvalue())
