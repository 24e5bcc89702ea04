"""``nas search``: the search."""

from __future__ import annotations

from pathlib import Path

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
    from nas.commands.searching import search_and_tell
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
