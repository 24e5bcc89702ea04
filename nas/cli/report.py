"""``nas report``: the dashboard as one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    type=click.Path(path_type=Path),
    help="Write the page to this file. Default: report.html in the run's directory; of several "
    "runs, report.html here.",
)
@option("--force", is_flag=True, help="Replace a file that is no report of these runs.")
@options.bench_option()
def report(
    runs: tuple[Path, ...], out: Path | None, force: bool, benches: tuple[Path, ...]
) -> None:
    """Write the dashboard of one run, or of several together, as one file.

    The page works offline in any browser, so it can be sent to others. An
    earlier report of these runs is replaced. What cannot be read of a run is
    left out and said; the exit code is then 1.
    """
    from nas.cli.dashboard import bench_rows
    from nas.run_directory import dashboard_source

    rows = bench_rows(benches)
    sources = [dashboard_source(run) for run in runs]
    lacking = {source.path: lack for source in sources if (lack := _lack(source))}
    if len(lacking) < len(sources):
        _write(out or _default_place(runs), sources, rows, force)
    for source in sources:
        for line in source.warnings() if source.path not in lacking else [lacking[source.path]]:
            echo(f"nas: {source.path}: {line}", err=True)
    if lacking or any(source.run.damage for source in sources if source.run):
        click.get_current_context().exit(1)


def _default_place(runs: Sequence[Path]) -> Path:
    return (runs[0] if len(runs) == 1 else Path()) / "report.html"


def _write(
    path: Path, sources: Sequence[Source], benches: Sequence[Mapping[str, Any]], force: bool
) -> None:
    from nas.errors import UserError
    from results.dashboard.report import is_replaceable, write_report

    try:
        if not force and not is_replaceable(path, sources):
            raise UserError(
                f"--out: {path} exists already, and is no report of these runs; --force replaces it"
            )
        written = write_report(path, sources, benches)
    except OSError as error:
        raise UserError(f"--out: got {path}, must be writable ({error.strerror})") from error
    echo(f"{written} ({written.stat().st_size / 1e6:.1f} MB)")


def _lack(source: Source) -> str | None:
    """Read a run; return why there is nothing to show of it, or None."""
    source.poll()
    if source.run is None:
        return source.problem
    return None if source.rows() else source.run.damage
