"""``nas bench``: measured training steps and inference, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nas.cli.options import Seconds, WholeNumbers

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    if all(row.answer is None for row in rows):
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

    from nas.bench.table import print_rows, write_csv

    data = [row.to_json() for row in rows]
    if as_json:
        click.echo(json.dumps(data, indent=2))
    else:
        print_rows(data)
    try:
        if csv is not None:
            write_csv(csv, data)
        if plot is not None and any(row["problem"] is None for row in data):
            from results.bench_plot import write_bench_plot

            write_bench_plot(plot, data)
    except OSError as error:
        raise click.ClickException(f"--csv, --plot: cannot be written ({error})") from error
