"""``nas train``: full training."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nas import interrupts
from nas.api.announcement import training_doubts, training_lines
from nas.cli import options
from nas.cli.echo import echo
from nas.cli.option_types import Positive, whole
from nas.cli.options import option
from nas.training.recipe_options import RecipeOptions
from nas.versions import check_ray

if TYPE_CHECKING:
    from nas.full_training.checkpoint import TrainedNetwork
    from nas.full_training.settings import Job


@options.command(
    {
        "Train a search's winner": "nas train --arch runs/RUN/best.json --data path/to/folder "
        "--out trained",
        "Fine-tune trained weights on other images": "nas train --arch efficientnet-b0 "
        "--pretrained b0.pth --data images --out tuned",
        "Train a network of another library": "nas train --network torchvision.models:resnet50 "
        "--data images --out resnet",
        "Go on after an interruption": "nas train --resume trained",
        "Train on 8 GPUs of a Ray cluster": "nas train --resume trained --address auto --workers 8",
    },
    short_help="Train a network in full.",
)
@option("--arch", metavar="ARCH", group="Network", help=f"Train this architecture: {options.ARCH}.")
@option(
    "--network",
    metavar="F",
    group="Network",
    help="Instead of --arch: train the network that this function makes, as "
    "package.module:function, called with num_classes=N, such as torchvision.models:resnet50 or "
    "timm.models:efficientnet_b4.",
)
@option(
    "--pretrained",
    type=click.Path(path_type=Path),
    metavar="CHECKPOINT",
    group="Network",
    help="Begin with these weights: a checkpoint, or a .safetensors or .pth file, also one of "
    "torchvision's, timm's or Lightning's trainers.",
)
@option("--data", metavar="D", group="Data", help=f"Train on these images: {options.DATA}.")
@options.minival_option(group="Data")
@options.background_option(group="Data")
@options.min_per_class_option(group="Data")
@option(
    "--image-size",
    type=whole("image_size"),
    group="Data",
    help="Train at this image size in pixels. Default: the size of ARCH, or of the images if "
    "smaller.",
)
@option(
    "--data-size",
    type=whole("data_size"),
    group="Data",
    help="Keep training images at this size in pixels; larger ones give sharper random crops, "
    "smaller ones take less of the cache. Default: the size to train at.",
)
@option(
    "--stream/--no-stream",
    default=None,
    group="Data",
    help="Decode training images each time they are needed, by all cores, instead of keeping them "
    "decoded on the disk. The result is the same; they are decoded once before, to check them.",
)
@option(
    "--recipe",
    "--preset",
    "preset",
    metavar="R",
    group="Recipe",
    help=f"Train by this recipe: {options.RECIPES}. Default: transfer with --pretrained; "
    "imagenet21k if images have several labels; imagenet from 100,000 images on; else proxy, the "
    "recipe of a search, for 30 epochs.",
)
@option(
    "--epochs",
    type=whole("epochs"),
    group="Recipe",
    help="Train for N epochs. Default: the recipe's.",
)
@option(
    "--batch-size",
    type=whole("batch_size"),
    group="Recipe",
    help="Train on N images a step, over all workers. Default: the recipe's.",
)
@options.recipe_options(group="Recipe")
@option(
    "--progressive/--no-progressive",
    default=None,
    group="Recipe",
    help="Let image size and regularization grow during training (progressive learning). "
    "Default: on for a file of nas scale with the recipes imagenet and imagenet21k.",
)
@option(
    "--random-sizes",
    is_flag=True,
    default=None,
    group="Recipe",
    help="With --progressive: draw an image size at random every eight epochs, and end with the "
    "largest (Mix & Match).",
)
@option(
    "--adaptive/--no-adaptive",
    default=None,
    group="Recipe",
    help="With --progressive: let dropout, RandAugment and mixup follow the image size (adaptive "
    "regularization), or keep them at their largest at all sizes. Default: adaptive.",
)
@option(
    "--batch-growth",
    type=Positive(),
    group="Recipe",
    help="With --progressive: let batches grow up to X times --batch-size while images are small.",
)
@option(
    "--patience",
    type=whole("patience"),
    group="Recipe",
    help="Stop after N epochs without a better minival accuracy, or value of --metric. Default: "
    "never.",
)
@options.metric_option(group="Recipe")
@option(
    "--validate-every",
    type=whole("validate_every"),
    group="Recipe",
    help="Validate every N epochs, the first, and the last. Default: 1, or about 400 times in more "
    "than 400 epochs of fewer than 100 steps.",
)
@options.seed_option(group="Recipe")
@option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    group="Run",
    help="Write checkpoints and curves to this new directory.",
)
@option(
    "--resume",
    type=click.Path(path_type=Path),
    metavar="DIR",
    group="Run",
    help="Go on with the training in this directory, from its last checkpoint; --data names where "
    "its images are now.",
)
@option(
    "--workers",
    type=whole("workers"),
    group="Run",
    help="Train in N processes, each with its own GPU if there are any, or else a core. Default: "
    "1, or the number that a resumed training began with.",
)
@options.address_option(group="Run")
@option(
    "--micro-batch",
    type=whole("micro_batch"),
    group="Run",
    help="Train on N images at once in each worker, and sum the gradients up to a whole step. "
    "Default: the worker's share of the batch, or on a GPU as many as fit.",
)
@options.compile_option(
    group="Run",
    help="Compile the network with torch.compile, which takes up to some minutes at first.",
)
@option(
    "--log",
    metavar="TOOLS",
    group="Run",
    help="Send the curves to tensorboard, mlflow or wandb, or to several: tensorboard,wandb. "
    "DIR/curve.csv is always written.",
)
@options.json_option(help="Print the outcome as JSON at the end.")
def train(
    arch: str | None,
    network: str | None,
    data: str | None,
    minival: str | None,
    background: str | None,
    min_per_class: int | None,
    out: Path | None,
    preset: str | None,
    recipe_options: RecipeOptions,
    progressive: bool | None,
    random_sizes: bool | None,
    adaptive: bool | None,
    batch_growth: float | None,
    epochs: int | None,
    image_size: int | None,
    data_size: int | None,
    stream: bool | None,
    batch_size: int | None,
    micro_batch: int | None,
    is_compiled: bool | None,
    seed: int | None,
    patience: int | None,
    metric: str | None,
    validate_every: int | None,
    workers: int | None,
    address: str | None,
    pretrained: Path | None,
    resume: Path | None,
    log: str | None,
    as_json: bool,
) -> None:
    """Train a network in full, and keep the weights of its best epoch.

    A checkpoint is written after every epoch, or where epochs are short as
    often as it costs a twentieth of the time, so Ctrl-C or a crash costs
    little. The test split is not read: nas evaluate measures on it.
    """
    from nas.full_training.loggers import parse_names
    from nas.full_training.prepare import TrainRequest, prepare

    tools = parse_names(log)
    if address:
        check_ray()
        from nas.cluster_address import check_address

        check_address(address)
    job = prepare(
        TrainRequest(
            arch=arch,
            network=network,
            data=data,
            minival=minival,
            background=background,
            min_per_class=min_per_class,
            out=out,
            preset=preset,
            recipe_options=recipe_options,
            progressive=progressive,
            random_sizes=random_sizes,
            adaptive=adaptive,
            batch_growth=batch_growth,
            epochs=epochs,
            image_size=image_size,
            data_size=data_size,
            stream=stream,
            batch_size=batch_size,
            micro_batch=micro_batch,
            is_compiled=is_compiled,
            seed=seed,
            patience=patience,
            metric=metric,
            validate_every=validate_every,
            pretrained=pretrained,
            workers=workers,
            address=address,
            resume=resume,
        )
    )
    path, began = job.directory.path, job.settings.workers
    interrupts.set_last_words(f"interrupted; go on with: nas train --resume {path}")
    try:
        _announce(job, as_json)
        if workers not in (None, began):
            echo(
                f"--workers: got {workers}, but the training began with {began}, so its outcome "
                "will differ from that of an uninterrupted run",
                err=True,
            )
        from nas.full_training.run import run_training

        trained = run_training(job, workers or began, tools, as_json, address)
    except KeyboardInterrupt:
        interrupts.say_last_words()
        raise
    _conclude(job, trained, as_json)


def _announce(job: Job, as_json: bool) -> None:
    for line in training_lines(job):
        echo(line, err=as_json)
    for line in training_doubts(job):
        echo(line, err=True)


def _conclude(job: Job, trained: TrainedNetwork, as_json: bool) -> None:
    import json

    path, data = job.directory.path, job.settings.data
    best = job.directory.best
    if as_json:
        outcome = {
            "checkpoint": str(best),
            "architecture_id": trained.file.architecture.architecture_id,
            "epoch": trained.epoch,
            "metric": trained.metric,
            "accuracy": trained.accuracy,
            "data": data,
        }
        echo(json.dumps(outcome, indent=2))
        return
    from reward.metric import ACCURACY, describe_metric

    value = f"{100 * trained.accuracy:.2f} %"
    if trained.metric != ACCURACY:
        value = f"{describe_metric(trained.metric).title} {value}"
    echo(f"best: epoch {trained.epoch}, {value} on the minival: {best}")
    _print_what_to_evaluate(path, data, trained)


def _print_what_to_evaluate(path: Path, data: str, trained: TrainedNetwork) -> None:
    """Print the command that measures the network on a split that the data has."""
    from nas.data.load import find_evaluation_split

    split = find_evaluation_split(data, trained.class_names)
    if split != "test":
        echo("test: the data has no test split")
    if split is None:
        echo("more: nas evaluate measures on test images of the same classes")
        return
    chosen = "" if split == "test" else f" --split {split}"
    echo(f"more: nas evaluate {shlex.quote(str(path))} --data {shlex.quote(data)}{chosen}")
