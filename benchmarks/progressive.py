"""Compare progressive learning with training at one size: same network, same number of epochs.

python -m benchmarks.progressive [--seeds 3] [--epochs 30] [--images 2048] [--stages 4]
    [--start 48] [--size 96] [--crop-area 0.35] [--wide]
python -m benchmarks.progressive --data PATH --image-size 32 [--from RUN] [--flip] [--out DIR] ...

A small network of fused blocks trains on `shapes` of 96 px in 24 classes in three ways: at 96 px
throughout; progressively with all regularizers constantly at their last values; and progressively
with the regularizers adapted (EfficientNetV2, Algorithm 1). With `--data`, it trains on those
images instead, on their training set, and with `--from` it is the winner of that search.

All three use random crops, as in the paper's recipe. Without them (`--crop-area 1`), a network has
to learn shapes and fills anew at each change of the image size, because `shapes` has few scales,
unlike photographs.

Accuracy is that of the averaged weights at full size, on the minival's 1,000 images of `shapes`, or
on the test split of `--data`, once at the end. Time is that of training alone: process time on one
thread of a CPU, or wall time on a GPU. With `--out`, each training is a line added to
DIR/progressive.jsonl, and the command, started again, goes on with what is missing.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.cpu_protocol import follow, one_line_errors
from benchmarks.real_data import real_data, searched
from benchmarks.result_lines import ResultLines
from benchmarks.trained_ways import Outcome, Way, mean_s, summary, train_ways
from nas.data.images import Images, images_on_device
from nas.data.load import load_search_data
from nas.devices import training_device
from nas.training.progressive import CROP_AREA, Resizing
from nas.training.recipes import Recipe, proxy
from reward.step_time.clocks import device_name
from scaling.regularization import Progressive
from search_space.architecture import Architecture, Stage

NETWORK = Architecture(
    stages=(
        Stage("fused_mbconv", 3, 2, 1, 8, 1, 0.0),
        Stage("fused_mbconv", 3, 2, 1, 16, 1, 0.0),
        Stage("fused_mbconv", 3, 2, 1, 24, 1, 0.0),
    ),
    stem_channels=8,
    stem_stride=2,
    head_channels=96,
)
WIDE = Architecture(
    stages=(
        Stage("fused_mbconv", 3, 2, 1, 16, 1, 0.0),
        Stage("fused_mbconv", 3, 2, 1, 32, 2, 0.0),
        Stage("fused_mbconv", 3, 2, 1, 64, 2, 0.0),
        Stage("fused_mbconv", 3, 1, 1, 64, 1, 0.0),
    ),
    stem_channels=16,
    stem_stride=2,
    head_channels=256,
)
CLASSES, BATCH_SIZE = 24, 32
LINES = "progressive.jsonl"


def main() -> None:
    """Print every training, then accuracy and time of each way, n, the spread and the machine."""
    options = _parser().parse_args()
    follow("benchmarks.progressive")
    with one_line_errors():
        _run(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--images", type=int, default=2048, help="of shapes")
    parser.add_argument("--stages", type=int, default=4)
    parser.add_argument("--start", type=int, help="first image size; default: half the last")
    parser.add_argument(
        "--size",
        "--image-size",
        type=int,
        default=96,
        help="last image size in pixels, also of evaluation",
    )
    parser.add_argument(
        "--crop-area", type=float, default=CROP_AREA, help="smallest crop, as a share of the area"
    )
    parser.add_argument("--wide", action="store_true", help="use a network of twice the width")
    parser.add_argument("--data", help="as of nas search, with a test split; default: shapes")
    parser.add_argument("--from", dest="run", type=Path, help="use the winner of this search")
    parser.add_argument("--batch-size", type=int, default=BATCH_SIZE)
    parser.add_argument("--flip", action="store_true", help="mirror half of the images")
    parser.add_argument("--out", type=Path, help="directory of the results, to go on from")
    return parser


def _run(options: argparse.Namespace) -> None:
    options.start = options.start or options.size // 2
    training, test = _images(options)
    print(
        f"{device_name(training.device)}; {len(training)} images of {options.size} px, "
        f"{options.epochs} epochs; tested on {len(test)}"
    )
    print(f"progressive: {options.stages} stages from {options.start} px")
    architecture = WIDE if options.wide else NETWORK
    if options.run is not None:
        architecture = searched(options.run).winner.architecture
    plain = replace(
        proxy(options.epochs, options.batch_size), crop_area=options.crop_area, flip=options.flip
    )
    recipes = _recipes(plain, options.stages, options.start, options.size)
    lines = ResultLines(options.out and options.out / LINES, _header(options, architecture))
    ways = {name: Way(architecture, recipe) for name, recipe in recipes.items()}
    _print_summary(train_ways(ways, training, test, range(options.seeds), lines))


def _images(options: argparse.Namespace) -> tuple[Images, Images]:
    """Return the images to train on and to test on, at full size."""
    device = training_device()
    if options.data is not None:
        data = real_data(options.data, options.size, device)
        return data.training, data.test
    spec = f"shapes:size={options.size},n={options.images},classes={CLASSES}"
    return images_on_device(load_search_data(spec), device)


def _header(options: argparse.Namespace, architecture: Architecture) -> dict[str, Any]:
    """Return all that the results depend on."""
    names = ("epochs", "images", "stages", "start", "size", "crop_area", "batch_size", "flip")
    return {
        "data": Path(options.data).name if options.data else "shapes",
        "architecture": architecture.to_json(),
        **{name: getattr(options, name) for name in names},
    }


def _recipes(recipe: Recipe, stages: int, start: int, size: int) -> dict[str, Recipe]:
    """Return the recipes by name; all end with the same values of the regularizers."""
    progressive = Resizing(_ranges(start, size), stages)
    ways = {
        "fixed": Resizing(_ranges(size, size), adaptive=False),
        "progressive": replace(progressive, adaptive=False),
        "progressive, adaptive": progressive,
    }
    return {name: replace(recipe, resizing=way) for name, way in ways.items()}


def _ranges(start: int, size: int) -> Progressive:
    return Progressive(
        image_size=(start, size),
        randaugment_magnitude=(0.0, 0.0),
        mixup_alpha=(0.0, 0.2),
        dropout=(0.1, 0.3),
    )


def _print_summary(outcomes: dict[str, list[Outcome]]) -> None:
    fixed = mean_s(outcomes["fixed"])
    for name, of_seeds in outcomes.items():
        print(
            f"{name} (n = {len(of_seeds)} seeds): {summary(of_seeds)}, "
            f"{mean_s(of_seeds) / fixed:.2f} of the time at fixed size"
        )


if __name__ == "__main__":
    main()
