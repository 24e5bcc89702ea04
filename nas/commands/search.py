"""``nas search``: the search."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nas.commands.options import Amount, Positive, Seconds, Whole

if TYPE_CHECKING:
    from nas.request import Prepared
    from results.candidate import Candidate


@click.command()
@click.option(
    "--data",
    metavar="D",
    help="digits (the default, embedded), shapes[:classes=..,size=..,n=..], a folder "
    "with one sub-folder of images per class, Parquet files or WebDataset shards (a "
    "file or their folder), CIFAR's archive, a .npz file, or hub:NAME of the "
    "Hugging Face Hub.",
)
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
@click.option(
    "--workers",
    type=Whole(1),
    help="Candidates evaluated at once. Default: one for each GPU, or core.",
)
@click.option("--epochs", type=Whole(1), help="Of each candidate's training.  [default: 10]")
@click.option(
    "--image-size", type=Whole(4, 4096), help="Pixels to train at. Default: the data's own."
)
@click.option(
    "--batch-size", type=Whole(2), help="Images a training step. Default: 32 to 128, by the data."
)
@click.option(
    "--sampler",
    metavar="S",
    help="The strategy: random (the default), tpe, nsga2, evolution, policy, model, or a class of "
    "samplers for Optuna as module:Class.",
)
@click.option(
    "--reward",
    metavar="R",
    help="product[:w=-0.07,v=-0.05] (the default), or with a target step time T, in the "
    "backbone's or in seconds as 0.05s: soft:T=.., hard:T=.., absolute:T=..",
)
@click.option(
    "--start-from",
    metavar="ARCH",
    multiple=True,
    help="Evaluate this first: a file such as best.json, or a published name. May be repeated.",
)
@click.option("--seed", type=Whole(0), help="Decides all that is random.  [default: 0]")
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
@click.option("--address", metavar="A", help="A running Ray cluster to join, or auto.")
@click.option("--storage", metavar="URL", help="A database for the record, such as postgresql://..")
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
    from nas.address import check_address
    from nas.errors import UserError
    from nas.request import SearchRequest, prepare
    from results.record_error import RecordError

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
    if address:
        check_address(address)
    try:
        prepared = prepare(request)
        with prepared.record:
            try:
                _announce(prepared, as_json)
                from nas.run import run_search  # Ray and torch: seconds, in which Ctrl-C may come

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
    data, settings = prepared.data, prepared.settings
    size = prepared.space.size
    lines = (
        f"data   {data.name}: {len(data.training):,} images to train on, "
        f"{len(data.minival):,} held out, {data.classes} classes, {data.image_size} px",
        f"space  {prepared.space.name}: {size if size < 10**7 else float(size):,.7g} architectures",
        f"run    {prepared.run.path}",
    )
    for line in lines:
        click.echo(line, err=as_json)
    if data.unreadable:
        more = len(data.unreadable) - 5
        names = ", ".join(data.unreadable[:5]) + (f" and {more} more" if more > 0 else "")
        click.echo(f"left out {len(data.unreadable)} unreadable images: {names}", err=True)
    if settings.budget > prepared.space.size:
        click.echo(
            f"--budget {settings.budget}: the space has {prepared.space.size} architectures, "
            "so the search ends with those",
            err=True,
        )


def _conclude(prepared: Prepared, candidates: list[Candidate], as_json: bool) -> None:
    import json

    from results.files import best_file

    settings = prepared.settings
    file = best_file(candidates, settings.objective, prepared.run.run_id, settings.task)
    if file is None:
        limit = settings.max_parameters
        if limit is not None and not candidates:
            raise click.ClickException(f"--max-params {limit:,}: no network as small was found")
        raise click.ClickException("no candidate completed")
    if as_json:
        click.echo(json.dumps(file.to_json(), indent=2))
        return
    from rich.console import Console

    from nas.commands.show import print_architecture

    print_architecture(Console(), file)
    path = prepared.run.path
    click.echo(f"\nwinner: {path}/best.json   report: {path}/report.html")
    click.echo(f"more: nas results {path}")
