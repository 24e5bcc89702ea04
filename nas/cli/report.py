"""``nas report``: the dashboard as one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nas.cli import options
from nas.cli.echo import echo
from nas.cli.options import option

if TYPE_CHECKING:
    from results.dashboard.source import Source


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

    The page works offline in any browser, so it can be sent to others. A run that cannot be read is
    left out, and the exit code is then 1.
    """
    from nas.cli.dashboard import bench_rows
    from nas.errors import UserError
    from nas.run_directory import dashboard_source
    from results.dashboard.report import write_report

    sources = [dashboard_source(run) for run in runs]
    lacking = {source.path: lack for source in sources if (lack := _lack(source))}
    if len(lacking) < len(sources):
        try:
            written = write_report(out, sources, bench_rows(benches))
        except OSError as error:
            raise UserError(f"--out: got {out}, must be writable ({error.strerror})") from error
        echo(f"{written} ({written.stat().st_size / 1e6:.1f} MB)")
    for source in sources:
        for line in source.warnings() if source.path not in lacking else [lacking[source.path]]:
            echo(f"nas: {source.path}: {line}", err=True)
    if lacking:
        click.get_current_context().exit(1)


def _lack(source: Source) -> str | None:
    """Read a run; return why there is nothing to show of it, or None."""
    source.poll()
    if source.run is None:
        return source.problem
    return None if source.rows() else source.run.damage
