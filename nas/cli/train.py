"""``nas train``: full training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nas.cli.options import Positive, Whole, seed_option

if TYPE_CHECKING:
    from nas.full_training.checkpoint import TrainedNetwork
    from nas.full_training.settings import Job

PRESETS = ("imagenet", "imagenet21k", "transfer", "proxy")


@click.command()
@click.option("--arch", metavar="ARCH", help="A file such as best.json, or a published name.")
@click.option(
    "--data",
    metavar="D",
    help="digits, shapes[:classes=..,size=..,n=..], a folder of class folders, a .npz file, ...",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The training's directory, new.",
)
@click.option(
    "--preset",
    type=click.Choice(PRESETS),
    help="The recipe. Default: transfer with --pretrained, imagenet from 100,000 images on "
    "(imagenet21k for several labels an image), else proxy, the search's own, for 30 epochs.",
)
@click.option(
    "--progressive/--no-progressive",
    default=None,
    help="Progressive learning: image size and regularization grow. Default: with a scaled file "
    "and the presets imagenet and imagenet21k; with others the flag is needed.",
)
@click.option(
    "--random-sizes",
    is_flag=True,
    default=None,
    help="With --progressive: sizes in random order, a new one every eight epochs (Mix & Match).",
)
@click.option(
    "--batch-growth",
    type=Positive(),
    help="With --progressive: up to so many times --batch-size where images are smaller.",
)
@click.option("--epochs", type=Whole(1), help="Default: the preset's.")
@click.option(
    "--image-size",
    type=Whole(4, 4096),
    help="Pixels to train at. Default: ARCH's, but no more than the data have.",
)
@click.option("--batch-size", type=Whole(2), help="Images a step, over all workers.")
@click.option(
    "--micro-batch",
    type=Whole(2),
    help="Images that a worker trains on at once, gradients summed up to a step. Default: its "
    "whole share of the batch, or on a GPU what fits.",
)
@seed_option
@click.option(
    "--patience",
    type=Whole(1),
    help="Ends after so many epochs without a better minival accuracy. Default: never.",
)
@click.option(
    "--workers",
    type=Whole(1),
    help="Processes, each with a GPU of its own where there are any. Default: 1, or as many as "
    "the training to resume began with.",
)
@click.option(
    "--pretrained",
    type=click.Path(path_type=Path),
    metavar="CHECKPOINT",
    help="Weights to begin with: a checkpoint, .safetensors or .pth, torchvision's too.",
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Go on with a training from its last checkpoint.",
)
@click.option(
    "--log",
    metavar="TOOLS",
    help="Curves for tensorboard, mlflow or wandb; several with commas. DIR/curve.csv is "
    "always written.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON at the end.")
def train(
    arch: str | None,
    data: str | None,
    out: Path | None,
    preset: str | None,
    progressive: bool | None,
    random_sizes: bool | None,
    batch_growth: float | None,
    epochs: int | None,
    image_size: int | None,
    batch_size: int | None,
    micro_batch: int | None,
    seed: int | None,
    patience: int | None,
    workers: int | None,
    pretrained: Path | None,
    resume: Path | None,
    log: str | None,
    as_json: bool,
) -> None:
    """Train a network in full, and keep its best epoch.

    A checkpoint is written after every epoch: Ctrl-C or a crash cost that
    epoch at most. The test split is not read; that is for nas evaluate.
    """
    from nas.full_training.loggers import parse_names
    from nas.full_training.prepare import TrainRequest, prepare

    tools = parse_names(log)
    job = prepare(
        TrainRequest(
            arch=arch,
            data=data,
            out=out,
            preset=preset,
            progressive=progressive,
            random_sizes=random_sizes,
            batch_growth=batch_growth,
            epochs=epochs,
            image_size=image_size,
            batch_size=batch_size,
            micro_batch=micro_batch,
            seed=seed,
            patience=patience,
            pretrained=pretrained,
            workers=workers,
            resume=resume,
        )
    )
    path, began = job.directory.path, job.settings.workers
    try:
        _announce(job, as_json)
        if workers not in (None, began):
            click.echo(
                f"--workers: got {workers}, the training began with {began}: the outcome is not "
                "that of an uninterrupted run",
                err=True,
            )
        from nas.full_training.ray_backend import run_training

        trained = run_training(job, workers or began, tools, as_json)
    except KeyboardInterrupt:
        click.echo(f"interrupted; go on with: nas train --resume {path}", err=True)
        raise
    _conclude(job, trained, as_json)


def _announce(job: Job, as_json: bool) -> None:
    data, settings, recipe = job.data, job.settings, job.recipe
    file = settings.file
    lines = [
        f"network  {file.name}: {file.train_size} px to train, {file.eval_size} px to evaluate",
        f"data     {data.name}: {len(data.training):,} images to train on, "
        f"{len(data.minival):,} held out, {data.classes} classes",
        f"recipe   {settings.preset}: {recipe.epochs} epochs, batch {recipe.batch_size}, "
        f"{recipe.optimizer}",
    ]
    if settings.progressive is not None:
        ranges = {
            name: f"{low:g} to {high:g}" for name, (low, high) in settings.progressive.items()
        }
        order = "random sizes" if settings.random_sizes else "progressive"
        lines.append(
            f"         {order}: {ranges['image_size']} px, dropout {ranges['dropout']}, "
            f"RandAugment {ranges['randaugment_magnitude']}, mixup {ranges['mixup_alpha']}"
        )
    if job.pretrained is not None:
        lines.append(f"weights  {job.pretrained.said}")
    lines.append(f"out      {job.directory.path}")
    for line in lines:
        click.echo(line, err=as_json)
    if data.unreadable:
        count, first = len(data.unreadable), ", ".join(data.unreadable[:5])
        more = f" and {count - 5} more" if count > 5 else ""
        click.echo(f"left out {count} unreadable images: {first}{more}", err=True)


def _conclude(job: Job, trained: TrainedNetwork, as_json: bool) -> None:
    import json

    path, data = job.directory.path, job.settings.data
    best = job.directory.best
    if as_json:
        outcome = {
            "checkpoint": str(best),
            "architecture_id": trained.file.architecture.architecture_id,
            "epoch": trained.epoch,
            "accuracy": trained.accuracy,
            "data": data,
        }
        click.echo(json.dumps(outcome, indent=2))
        return
    click.echo(
        f"best: epoch {trained.epoch}, {100 * trained.accuracy:.2f} % on the minival: {best}"
    )
    click.echo(f"more: nas evaluate {path} --data {data}")
