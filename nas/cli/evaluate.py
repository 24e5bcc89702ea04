"""``nas evaluate``: the test accuracy of a trained network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nas.cli import options
from nas.cli.echo import echo
from nas.cli.option_types import OneOf, Whole
from nas.cli.options import option

if TYPE_CHECKING:
    from nas.data.split import EvaluationSplit
    from nas.full_training.checkpoint import TrainedNetwork
    from nas.full_training.evaluate import Share, TestResult


@options.command(
    {
        "Measure the best epoch of a training": "nas evaluate trained --data path/to/folder",
        "Measure another epoch's checkpoint": "nas evaluate trained/last.pt --data digits",
        "Measure on validation images": "nas evaluate trained --data images --split validation",
    },
    short_help="Measure a trained network on the test split.",
)
@click.argument(
    "checkpoint",
    type=click.Path(path_type=Path),
    help="The directory of a nas train, for its best epoch, or a .pt file in it.",
)
@option(
    "--data",
    required=True,
    metavar="D",
    help=f"Measure on these images: {options.DATA}.",
)
@option(
    "--split",
    type=OneOf(("test", "validation")),
    help="Measure on this split of the images: test or validation. Default: test, or validation if "
    "there is no test split.",
)
@option(
    "--batch-size",
    type=Whole(1),
    default=256,
    show_default=True,
    help="Evaluate N images at a time.",
)
@options.json_option()
def evaluate(
    checkpoint: Path, data: str, split: EvaluationSplit | None, batch_size: int, as_json: bool
) -> None:
    """Measure a trained network's accuracy on the test split, with its 95 % interval.

    Classes are compared by name: the images may have only some of the network's.
    """
    import json

    from nas.devices import training_device
    from nas.errors import UserError
    from nas.full_training.checkpoint import CheckpointError, read_network
    from nas.full_training.evaluate import evaluate as on_test

    try:
        trained = read_network(checkpoint)
    except CheckpointError as error:
        raise UserError(f"CHECKPOINT: {error}") from error
    result = on_test(trained, data, batch_size, training_device(), split)
    if result.unreadable:
        echo(f"left out {len(result.unreadable)} unreadable images", err=True)
    if result.is_validation:
        _print_choice(trained, result.split, is_asked_for=split is not None)
    if as_json:
        echo(json.dumps(_json(trained, data, result), indent=2))
        return
    echo(f"network   {trained.file.name}, epoch {trained.epoch} on {trained.data}")
    label = "val" if result.is_validation else "test"
    of_split = f" of {result.split}" if result.split not in ("", label) else ""
    echo(f"{label:9} {result.top_1.total:,} images{of_split} at {result.image_size} px")
    echo(f"top-1     {_percent(result.top_1)}")
    if result.top_5 is not None:
        echo(f"top-5     {_percent(result.top_5)}")
    echo(f"rate      {result.images_per_s:,.0f} images/s on {result.device}")


def _print_choice(trained: TrainedNetwork, split: str, is_asked_for: bool) -> None:
    """Print to standard error that networks were chosen by the validation split, if they were."""
    if not is_asked_for:
        echo(
            f"there is no test split, so this is {split}, by which nas search and nas train "
            "choose too, unless with --minival train: the accuracy may be too high",
            err=True,
        )
    elif trained.minival_split != "":  # the minival was not held out of the training images
        echo(
            "nas search and nas train choose networks by this split, unless with --minival train: "
            "the accuracy may be too high",
            err=True,
        )


def _percent(share: Share) -> str:
    low, high = (100 * end for end in share.interval)
    return f"{100 * share.value:.2f} %  (95 % interval {low:.2f} to {high:.2f} %)"


def _json(trained: TrainedNetwork, data: str, result: TestResult) -> dict[str, Any]:
    top_5 = result.top_5
    return {
        "name": trained.file.name,
        "architecture_id": trained.file.architecture.architecture_id,
        "epoch": trained.epoch,
        "data": data,
        "split": result.split or None,
        "images": result.top_1.total,
        "image_size": result.image_size,
        "accuracy": result.top_1.value,
        "accuracy_ci": list(result.top_1.interval),
        "top_5_accuracy": top_5.value if top_5 else None,
        "top_5_accuracy_ci": list(top_5.interval) if top_5 else None,
        "images_per_s": result.images_per_s,
        "device": result.device,
    }
