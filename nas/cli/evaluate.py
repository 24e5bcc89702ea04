"""``nas evaluate``: the test accuracy of a trained network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nas.cli import options
from nas.cli.echo import echo
from nas.cli.option_types import OneOf, Whole, WholeNumbers
from nas.cli.options import option

if TYPE_CHECKING:
    from nas.data.decode import Crop
    from nas.data.split import EvaluationSplit
    from nas.full_training.checkpoint import TrainedNetwork
    from nas.full_training.evaluate import Measured, Share, TestResult
    from nas.full_training.image_sizes import SizeResults
    from nas.metrics.metric_function import MetricFunction

_LABEL = 10  # characters


@options.command(
    {
        "Measure the best epoch of a training": "nas evaluate trained --data path/to/folder",
        "Measure another epoch's checkpoint": "nas evaluate trained/last.pt --data digits",
        "Measure on validation images": "nas evaluate trained --data images --split validation",
        "Draw which classes are taken for which": "nas evaluate trained --data images "
        "--plot confusion.html",
        "Find the image size that it does best at": "nas evaluate trained --data images "
        "--split validation --image-size 224,256,288",
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
    "--image-size",
    "image_sizes",
    type=WholeNumbers(4, 4096),
    default=(),
    help="Evaluate at this image size in pixels, or at several to find the best one: 224,256,288. "
    "Default: the network's evaluation size.",
)
@option(
    "--crop",
    type=OneOf(("square", "published")),
    default="square",
    show_default=True,
    help="Take this part of each image: square, its largest middle square; or published, as in "
    "EfficientNetV2's public code: below 320 px a square of size / (size + 32) of the shorter "
    "side, from 320 px on the whole image, squeezed.",
)
@option(
    "--batch-size",
    type=Whole(1),
    default=256,
    show_default=True,
    help="Evaluate N images at a time.",
)
@option(
    "--metric",
    "names",
    multiple=True,
    metavar="M",
    help="Measure this metric, not the usual ones: balanced_accuracy, macro_f1, auroc, map, or a "
    "function of logits and labels as package.module:function. May be repeated; accuracy, top-5 "
    "and the metric that the network was trained by are always measured.",
)
@option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE.html",
    help="Draw on this page how often each class is taken for which.",
)
@options.json_option()
def evaluate(
    checkpoint: Path,
    data: str,
    split: EvaluationSplit | None,
    image_sizes: tuple[int, ...],
    crop: Crop,
    batch_size: int,
    names: tuple[str, ...],
    plot: Path | None,
    as_json: bool,
) -> None:
    """Measure a trained network on the test split, with 95 % intervals.

    Accuracy, top-5, balanced accuracy, macro F1 and AUROC (one class against
    the rest), or mean average precision where images have several labels; the
    metric that the network was trained by; the figures of each class, and what
    classes are taken for. Classes are compared by name: the images may have
    only some of the network's. At several image sizes: a line each, and the
    best, by the first --metric or the one that the network was trained by.
    """
    from functools import partial

    from nas.devices import training_device
    from nas.errors import UserError
    from nas.full_training.checkpoint import CheckpointError, read_network
    from nas.full_training.evaluate import evaluate as on_test
    from nas.full_training.image_sizes import evaluate_sizes
    from nas.metrics.registry import metric_named

    try:
        trained = read_network(checkpoint)
    except CheckpointError as error:
        raise UserError(f"CHECKPOINT: {error}") from error
    sizes = set(image_sizes or [trained.file.eval_size])
    _check_plot(plot, len(sizes))
    metrics = [metric_named(name) for name in dict.fromkeys(names)] or None
    trained_by = _trained_by(trained)
    measure = partial(
        on_test, trained, data, batch_size, training_device(), split, metrics, trained_by, crop
    )
    found = evaluate_sizes(measure, sizes, metrics, trained_by)
    result = found.results[0]
    if result.unreadable:
        echo(f"left out {len(result.unreadable)} unreadable images", err=True)
    if result.is_validation:
        _print_choice(trained, result.split, is_asked_for=split is not None)
    if len(sizes) > 1:
        _print_sizes(trained, data, found, as_json)
        return
    if plot is not None:
        _draw(plot, trained, data, result)
    _print_result(trained, data, result, as_json)


def _print_result(trained: TrainedNetwork, data: str, result: TestResult, as_json: bool) -> None:
    """Print what was reached at one size, in full."""
    import json

    if as_json:
        echo(json.dumps(_json(trained, data, result), indent=2))
        return
    _print_head(trained, result, f"at {result.image_size} px")
    echo(f"top-1     {_percent(result.top_1)}")
    if result.top_5 is not None:
        echo(f"top-5     {_percent(result.top_5)}")
    for measured in result.metrics:
        echo(_metric_line(measured))
    echo(f"rate      {result.images_per_s:,.0f} images/s on {result.device}")
    from nas.cli.class_tables import print_classes
    from nas.terminal import Terminal

    print_classes(Terminal(), result)


def _print_head(trained: TrainedNetwork, result: TestResult, sizes: str) -> None:
    """Print the network, and the images that it was measured on."""
    echo(f"network   {trained.file.name}, epoch {trained.epoch} on {trained.data}")
    label = "val" if result.is_validation else "test"
    of_split = f" of {result.split}" if result.split not in ("", label) else ""
    crop = "" if result.crop == "square" else f", {result.crop} crop"
    echo(f"{label:9} {result.top_1.total:,} images{of_split} {sizes}{crop}")


def _print_sizes(trained: TrainedNetwork, data: str, found: SizeResults, as_json: bool) -> None:
    """Print what was reached at several sizes, and the best of them."""
    import json

    from nas.cli.tables import print_table
    from nas.terminal import Terminal

    best, metric = found.best, found.metric
    if found.is_chosen_on_test:
        echo(
            "the best size is chosen on the test split here, so its value may be too high: choose "
            "with --split validation, and measure once on the test split at that --image-size",
            err=True,
        )
    if as_json:
        content = {
            "name": trained.file.name,
            "metric": metric.name,
            "best_image_size": best.image_size,
            "is_chosen_on_test": found.is_chosen_on_test,
            "image_sizes": [_json(trained, data, result) for result in found.results],
        }
        echo(json.dumps(content, indent=2))
        return
    _print_head(trained, best, f"at {len(found.results)} sizes")
    rows = [
        (
            f"{result.image_size}",
            f"{100 * found.value(result):.2f}",
            _ends(found.interval(result)),
            f"{result.images_per_s:,.0f}",
            "best" if result is best else "",
        )
        for result in found.results
    ]
    columns = ("px", f"{metric.title} %", "95 % interval", "images/s", "<")
    print_table(Terminal(), columns, rows)


def _ends(interval: tuple[float, float] | None) -> str:
    return "" if interval is None else "{:.2f} to {:.2f}".format(*(100 * end for end in interval))


def _trained_by(trained: TrainedNetwork) -> MetricFunction | None:
    """Return the metric that the network was trained by; None, and a line, if it is unknown."""
    from nas.errors import UserError
    from nas.metrics.registry import recorded_function

    try:
        return recorded_function(trained.metric, "CHECKPOINT")
    except UserError as error:
        echo(f"{error}; it is left out", err=True)
        return None


def _metric_line(measured: Measured) -> str:
    title = measured.metric.short
    value = f"{100 * measured.value:.2f} %{_interval(measured.interval)}"
    return f"{title:{_LABEL}}{value}" if len(title) < _LABEL else f"{title}\n{'':{_LABEL}}{value}"


def _check_plot(plot: Path | None, sizes: int) -> None:
    """Check where the page is to be written, before anything is measured."""
    if plot is None:
        return
    if sizes > 1:
        raise click.UsageError(f"--plot: got {sizes} image sizes, must be one")
    if plot.suffix != ".html":
        raise click.UsageError(f"--plot: got {plot}, must end in .html")
    if not plot.parent.is_dir():
        raise click.UsageError(f"--plot: got {plot}, must be in a folder that exists")


def _draw(plot: Path, trained: TrainedNetwork, data: str, result: TestResult) -> None:
    from nas.errors import UserError
    from results.confusion_plot import write_confusion_plot

    if result.confusion is None:
        raise UserError(
            "--plot: got images of several labels, must have one label each: only then is a class "
            "taken for another"
        )
    names = [each.name for each in result.classes]
    accuracy = _percent(result.top_1).partition("  ")[0]
    title = f"{trained.file.name} on {data}: {result.top_1.total:,} images, {accuracy} right"
    try:
        write_confusion_plot(plot, result.confusion.tolist(), names, title)
    except OSError as error:
        raise click.ClickException(f"--plot: {plot}: cannot be written ({error})") from error


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
    return f"{100 * share.value:.2f} %{_interval(share.interval)}"


def _interval(interval: tuple[float, float] | None) -> str:
    if interval is None:
        return ""
    low, high = (100 * end for end in interval)
    return f"  (95 % interval {low:.2f} to {high:.2f} %)"


def _json(trained: TrainedNetwork, data: str, result: TestResult) -> dict[str, Any]:
    from dataclasses import asdict

    top_5 = result.top_5
    is_ranked = result.confusion is None
    left_out = ("precision", "recall", "f1") if is_ranked else ("average_precision", "auroc")
    return {
        "name": trained.file.name,
        "architecture_id": trained.file.architecture.architecture_id,
        "epoch": trained.epoch,
        "data": data,
        "split": result.split or None,
        "images": result.top_1.total,
        "image_size": result.image_size,
        "crop": result.crop,
        "accuracy": result.top_1.value,
        "accuracy_ci": list(result.top_1.interval),
        "top_5_accuracy": top_5.value if top_5 else None,
        "top_5_accuracy_ci": list(top_5.interval) if top_5 else None,
        "trained_by": trained.metric,
        "metrics": {
            measured.metric.name: {
                "value": measured.value,
                "ci": measured.interval and list(measured.interval),
            }
            for measured in result.metrics
        },
        "images_per_s": result.images_per_s,
        "device": result.device,
        "classes": [
            {key: value for key, value in asdict(each).items() if key not in left_out}
            for each in result.classes
        ],
        "confusion_matrix": None if result.confusion is None else result.confusion.tolist(),
    }
