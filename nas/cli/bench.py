"""``nas bench``: measured training steps and inference, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nas.cli.options import Seconds, WholeNumbers

if TYPE_CHECKING:
    from nas.bench.measure import Row
    from nas.bench.prepare import PlannedRow


@click.command(short_help="Measure training step, inference and memory.")
@click.argument("archs", metavar="ARCH...", nargs=-1, required=True)
@click.option(
    "--image-size",
    "image_sizes",
    type=WholeNumbers(4, 4096),
    default=(),
    metavar="N,..",
    help="Pixels to train and infer at. Default: each network's own.",
)
@click.option(
    "--batch-size",
    "batch_sizes",
    type=WholeNumbers(2),
    default=(),
    metavar="N,..",
    help="Default: the one that a search measured ARCH at, else 2 to 128 by the image size.",
)
@click.option(
    "--fuse",
    metavar="STAGES",
    help="Put Fused-MBConv into these stages: 1-3, or none,1-3,1-5 for several.",
)
@click.option(
    "--reference",
    metavar="ARCH",
    help="What steps are timed in turn with; a space's name is its backbone. Default: the first.",
)
@click.option(
    "--time-cap",
    type=Seconds(),
    help="For a row's steps; a disturbed one gets it twice.  [default: 30]",
)
@click.option("--csv", type=click.Path(path_type=Path, dir_okay=False), help="Write the rows here.")
@click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False), help="Write a page of plots, .html."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def bench(
    archs: tuple[str, ...],
    image_sizes: tuple[int, ...],
    batch_sizes: tuple[int, ...],
    fuse: str | None,
    reference: str | None,
    time_cap: float | None,
    csv: Path | None,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Measure the training step, inference and memory of ARCH; several side by side.

    Each step is timed in turn with the reference's, until the 95 % intervals of
    the two's ratio and of the step are narrow (1 % on a GPU, 2 % on a CPU, either
    way) or time is up. On a CPU one thread is timed.
    """
    from nas.bench.measure import DEFAULT_CAP_S
    from nas.bench.prepare import BenchRequest, plan

    cap_s = time_cap or DEFAULT_CAP_S
    planned = plan(BenchRequest(archs, image_sizes, batch_sizes, fuse, reference, cap_s))
    _check_places(csv, plot)
    rows: list[Row] = []
    try:
        _measure(planned, cap_s, rows)
    except KeyboardInterrupt:  # what was measured is not lost
        if rows:
            _show(rows, csv, plot, as_json)
        raise
    _show(rows, csv, plot, as_json)
    if all(row.measurement is None for row in rows):
        raise click.ClickException("nothing could be measured")


def _measure(planned: Sequence[PlannedRow], cap_s: float, rows: list[Row]) -> None:
    for i, one in enumerate(planned, 1):
        batch = f", batch {one.batch_size}" if one.batch_size else ""
        size = f"{one.file.train_size} px{batch}"
        click.echo(f"{i}/{len(planned)} {one.file.name} at {size}", err=True)
        rows.append(one.measure(cap_s))


def _check_places(csv: Path | None, plot: Path | None) -> None:
    """Before minutes of measuring: that what is to be written can be."""
    for path in (csv, plot):
        if path is not None and not path.absolute().parent.is_dir():
            raise click.UsageError(f"--csv, --plot: got {path}, must be in a folder that exists")
    if plot is not None and plot.suffix != ".html":
        raise click.UsageError(f"--plot: got {plot}, must end in .html")


def _show(rows: Sequence[Row], csv: Path | None, plot: Path | None, as_json: bool) -> None:
    import json

    data = [row.to_json() for row in rows]
    if as_json:
        click.echo(json.dumps(data, indent=2))
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
    from rich.console import Console

    from nas.cli.tables import print_table

    console = Console()
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
    from nas.cli.tables import short_count

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
    from nas.cli.tables import short_count

    return (
        short_count(row["parameters"]),
        short_count(row["multiply_adds"]),
        "" if row["inference_time_s"] is None else f"{1000 * row['inference_time_s']:.3g}",
        "" if row["inference_images_per_s"] is None else _rate(row["inference_images_per_s"]),
    )


def _rate(images_per_s: float) -> str:
    return f"{images_per_s:.3g}" if images_per_s < 100 else f"{images_per_s:,.0f}"


def _remarks(row: Mapping[str, Any]) -> list[str]:
    if row["problem"] is not None:
        return [row["problem"]]
    remarks = []
    if row["micro_batch_size"] < row["batch_size"]:
        remarks.append(f"fits into memory {row['micro_batch_size']} images at a time")
    if row["inference_images_per_s"] is None:
        remarks.append("the batch does not fit into memory for inference")
    if row["unsteady"]:
        remarks.append(f"unsteady: {row['unsteady']}")
    elif not row["is_precise"]:
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

_INTERVALS = ("step_time_ci_s", "normalized_step_time_ci")


def _write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write one line a row; a pair (train and eval, low and high) becomes two columns."""
    import csv
    import io

    from results.atomic import write_text

    flat = [_flat(row) for row in rows]
    columns = list(dict.fromkeys(key for row in flat for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    write_text(path, text.getvalue())


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, Mapping):
            flat |= {f"{key}_{name}": part for name, part in value.items()}
        elif key in _INTERVALS:
            low, high = value or (None, None)
            flat |= {f"{key}_low": low, f"{key}_high": high}
        else:
            flat[key] = value
    return flat
