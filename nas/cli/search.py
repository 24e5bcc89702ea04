"""``nas search``: the search."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nas.cli import options as shared
from nas.cli.options import Amount, Positive, Seconds, Whole


@click.command()
@shared.data_option
@click.option(
    "--space",
    metavar="P",
    help="small, efficientnetv2, efficientnet-b4 or a YAML file. Default: by the image size.",
)
@click.option(
    "--budget",
    type=Whole(1),
    help="Candidates evaluated: complete, or stopped by --scheduler or --bound.  [default: 100]",
)
@shared.workers_option
@shared.epochs_option
@click.option(
    "--image-size", type=Whole(4, 4096), help="Pixels to train at. Default: the data's own."
)
@shared.batch_size_option
@click.option(
    "--sampler",
    metavar="S",
    help="The strategy: random (the default), tpe, nsga2, evolution, policy, model, or a class of "
    "samplers for Optuna as module:Class.",
)
@shared.reward_option
@click.option(
    "--start-from",
    metavar="ARCH",
    multiple=True,
    help="Evaluate this first: a file such as best.json, or a published name. May be repeated.",
)
@shared.seed_option
@click.option(
    "--time-limit", type=Seconds(), help="Of a candidate; over it, it failed.  [default: 3600]"
)
@click.option(
    "--max-failures",
    type=Whole(1),
    help="Failed candidates at which to give up. Default: half the budget, at least 10.",
)
@click.option(
    "--max-params",
    type=Amount(),
    metavar="N",
    help="A candidate with more parameters, such as 30M, is not trained.",
)
@click.option(
    "--max-step-time",
    type=Positive(),
    metavar="S",
    help="Nor one with a longer training step, as a multiple of the backbone's, such as 1.5.",
)
@click.option(
    "--max-memory",
    type=Amount(),
    metavar="BYTES",
    help="Nor one whose training step needs more memory, such as 8G.",
)
@click.option(
    "--scheduler",
    metavar="S",
    help="asha[:grace=..,reduction=..]: all train for grace epochs, the best 1/reduction go on. "
    "asha alone: 0.4 of the epochs, a fourth. Default: none.",
)
@click.option(
    "--bound",
    metavar="B",
    help="Stop what cannot beat the best reward: certain, not even at accuracy 1, or credible, "
    "not with the most that others gained in the epochs left. Default: none.",
)
@click.option(
    "--confirm",
    type=Whole(1),
    metavar="K",
    help="At the end train the best K again with other seeds; the best mean wins.",
)
@click.option("--confirm-seeds", type=Whole(1), help="Trainings more of each.  [default: 2]")
@click.option("--confirm-epochs", type=Whole(1), help="Of these trainings. Default: --epochs.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="The run's directory, new. Default: runs/ and the date.",
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Go on with a run; a larger --budget extends it.",
)
@shared.address_option
@shared.storage_option
@click.option("--json", "as_json", is_flag=True, help="Print the winner as JSON at the end.")
def search(
    data: str | None,
    space: str | None,
    budget: int | None,
    workers: int | None,
    epochs: int | None,
    image_size: int | None,
    batch_size: int | None,
    sampler: str | None,
    reward: str | None,
    start_from: tuple[str, ...],
    seed: int | None,
    time_limit: float | None,
    max_failures: int | None,
    max_params: int | None,
    max_step_time: float | None,
    max_memory: int | None,
    scheduler: str | None,
    bound: str | None,
    confirm: int | None,
    confirm_seeds: int | None,
    confirm_epochs: int | None,
    out: Path | None,
    resume: Path | None,
    address: str | None,
    storage: str | None,
    as_json: bool,
) -> None:
    """Search for networks that are accurate and train fast.

    Trains candidates for a few epochs each, measures their training step, and
    leaves the best one, all candidates and a report in the run's directory.
    """
    pass
    from nas.search.prepare import SearchRequest, prepare

    request = SearchRequest(
        data=data,
        space=space,
        budget=budget,
        epochs=epochs,
        image_size=image_size,
        batch_size=batch_size,
        sampler=sampler,
        reward=reward,
        start_from=start_from,
        seed=seed,
        time_limit_s=time_limit,
        max_failures=max_failures,
        max_parameters=max_params,
        max_step_time=max_step_time,
        max_memory_bytes=max_memory,
        scheduler=scheduler,
        bound=bound,
        confirm=confirm,
        confirm_seeds=confirm_seeds,
        confirm_epochs=confirm_epochs,
        out=out,
        resume=resume,
        storage=storage,
    )
    search_and_tell(lambda: prepare(request), workers, address, as_json)


if TYPE_CHECKING:
    from nas.search.prepare import PreparedSearch
    from results.candidate import Candidate


def search_and_tell(
    prepare: Callable[[], PreparedSearch], workers: int | None, address: str | None, as_json: bool
) -> None:
    """Prepares the search, runs it and prints the winner, as JSON if asked for.

    Raises:
        UserError: what the user can mend, in one line.
        KeyboardInterrupt: after it was said how to go on.
    """
    from nas.cluster import check_address
    from nas.errors import UserError
    from results.database import RecordError

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


def _announce(prepared: PreparedSearch, as_json: bool) -> None:
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


def _conclude(prepared: PreparedSearch, candidates: list[Candidate], as_json: bool) -> None:
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
