"""``nas report``: the dashboard as one file."""

from __future__ import annotations

from pathlib import Path

import click

from nas.cli import options
from nas.cli.options import option


@options.command(
    {
        "Write a run's report": "nas report runs/RUN",
        "Put two runs on one page": "nas report runs/A runs/B --out both.html",
    },
    short_help="Write the dashboard as one file.",
)
@options.runs_argument()
@option(
    "--out",
    metavar="FILE",
    default="report.html",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Write the page to this file.",
)
@options.bench_option()
def report(runs: tuple[Path, ...], out: Path, benches: tuple[Path, ...]) -> None:
    """Write the dashboard of one run, or of several together, as one file.

    The page works offline in any browser, so it can be sent to others.
    """
    from nas.cli.dashboard import bench_rows
    from nas.errors import UserError
    from nas.search.run_directory import dashboard_source
    from results.dashboard.report import write_report

    sources = [dashboard_source(run) for run in runs]
    try:
        written = write_report(out, sources, bench_rows(benches))
    except OSError as error:
        raise UserError(f"--out: got {out}, must be writable ({error.strerror})") from error
    size_mb = written.stat().st_size / 1e6
    click.echo(f"{written} ({size_mb:.1f} MB)")
    for source in sources:
        if source.run is None:
            click.echo(f"nas: {source.path}: {source.problem}", err=True)
        for warning in source.warnings():
            click.echo(f"nas: {source.path}: {warning}", err=True)
