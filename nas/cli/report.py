"""``nas report``: the dashboard as one file."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="Write the dashboard as one file.")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out",
    metavar="FILE",
    default="report.html",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The file to write.",
)
@click.option(
    "--bench",
    "benches",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Networks to stand beside, from nas bench --json.",
)
def report(runs: tuple[Path, ...], out: Path, benches: tuple[Path, ...]) -> None:
    """Write the dashboard of RUN, or of several, as one file to send to someone.

    It works offline and needs nothing but a browser.
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
