"""A search from its request to what is said of its winner, for every command that is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from nas.search.prepare import Prepared
    from results.candidate import Candidate


def search_and_tell(
    prepare: Callable[[], Prepared], workers: int | None, address: str | None, as_json: bool
) -> None:
    """Prepares the search, runs it and prints the winner, as JSON if asked for.

    Raises:
        UserError: what the user can mend, in one line.
        KeyboardInterrupt: after it was said how to go on.
    """
    from nas.cluster import check_address
    from nas.errors import UserError
    from results.record_error import RecordError

    if address:
        check_address(address)
    try:
        prepared = prepare()
        with prepared.record:
            try:
                _announce(prepared, as_json)
                from nas.search.run import (
                    run_search,  # Ray and torch: seconds, in which Ctrl-C may come
                )

                candidates = run_search(prepared, workers, address, as_json)
            except KeyboardInterrupt:
                click.echo(
                    f"interrupted; go on with: nas search --resume {prepared.run.path}", err=True
                )
                raise
    except RecordError as error:
        raise UserError(str(error), exit_code=1) from error
    _conclude(prepared, candidates, as_json)


def _announce(prepared: Prepared, as_json: bool) -> None:
    data, settings, grid = prepared.data, prepared.settings, prepared.grid
    size = grid.size
    lines = (
        f"data   {data.name}: {len(data.training):,} images to train on, "
        f"{len(data.minival):,} held out, {data.classes} classes, {data.image_size} px",
        f"space  {grid.name}: {size if size < 10**7 else float(size):,.7g} architectures",
        f"run    {prepared.run.path}",
    )
    for line in lines:
        click.echo(line, err=as_json)
    if data.unreadable:
        more = len(data.unreadable) - 5
        names = ", ".join(data.unreadable[:5]) + (f" and {more} more" if more > 0 else "")
        click.echo(f"left out {len(data.unreadable)} unreadable images: {names}", err=True)
    if settings.budget > size:
        click.echo(
            f"--budget {settings.budget}: the space has {size} architectures, "
            "so the search ends with those",
            err=True,
        )


def _conclude(prepared: Prepared, candidates: list[Candidate], as_json: bool) -> None:
    import json

    from results.files import best_file

    settings = prepared.settings
    file = best_file(
        candidates,
        settings.objective,
        prepared.run.run_id,
        settings.task,
        settings.to_json(),
    )
    if file is None:
        limit = settings.max_parameters
        if limit is not None and not candidates:
            raise click.ClickException(f"--max-params {limit:,}: no network as small was found")
        raise click.ClickException("no candidate completed")
    if as_json:
        click.echo(json.dumps(file.to_json(), indent=2))
        return
    from rich.console import Console

    from nas.cli.show import print_architecture

    print_architecture(Console(), file)
    path = prepared.run.path
    click.echo(f"\nwinner: {path}/best.json   report: {path}/report.html")
    click.echo(f"more: nas results {path}")
    timed = [c.step_time for c in candidates if c.step_time is not None]
    unsteady = sum(step_time.unsteady is not None for step_time in timed)
    if unsteady:
        click.echo(
            f"{unsteady} of {len(timed)} step times are unsteady, as something else was at work: "
            "~ in nas results"
        )
