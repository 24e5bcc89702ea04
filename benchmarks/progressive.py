"""Compare progressive learning with training at one size: same network, same number of epochs.

python -m benchmarks.progressive [--seeds 3] [--epochs 30] [--images 2048] [--stages 4]
    [--start 48] [--size 96] [--crop-area 0.35] [--wide]

A small network of fused blocks trains on `shapes` of 96 px in 24 classes in three ways: at 96 px
throughout; progressively with all regularizers constantly at their last values; and progressively
with the regularizers adapted (EfficientNetV2, Algorithm 1).

All three use random crops, as in the paper's recipe. Without them (`--crop-area 1`), a network has
to learn shapes and fills anew at each change of the image size, because `shapes` has few scales,
unlike photographs.

Accuracy is that of the averaged weights on the minival's 1,000 images at full size. Time is that of
training alone: process time on one thread of a CPU, or wall time on a GPU.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import mean, stdev

import torch

from benchmarks.cpu_protocol import follow
from nas.data.images import Images, images_on_device
from nas.data.load import load_search_data
from nas.devices import training_device
from nas.training.loop import Training
from nas.training.progressive import CROP_AREA, Resizing
from nas.training.recipes import Recipe, proxy
from nas.training.validation import accuracy
from reward.step_time.clocks import device_name, to_channels_last
from scaling.regularization import Progressive
from search_space.architecture import Architecture, Stage
from search_space.network import Network

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


@dataclass(frozen=True)
class Outcome:
    """The result of a training: accuracy in [0, 1] and time in seconds."""

    accuracy: float
    time_s: float


def main() -> None:
    """Print every training, then accuracy and time of each way, n, the spread and the machine."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--images", type=int, default=2048)
    parser.add_argument("--stages", type=int, default=4)
    parser.add_argument("--start", type=int, default=48, help="first image size in pixels")
    parser.add_argument("--size", type=int, default=96, help="last image size, also of evaluation")
    parser.add_argument(
        "--crop-area", type=float, default=CROP_AREA, help="smallest crop, as a share of the area"
    )
    parser.add_argument("--wide", action="store_true", help="use a network of twice the width")
    options = parser.parse_args()
    follow("benchmarks.progressive")
    device = training_device()
    size, images = options.size, options.images
    print(f"{device_name(device)}; {images} images of {size} px, {options.epochs} epochs")
    print(f"progressive: {options.stages} stages from {options.start} px")
    data = load_search_data(f"shapes:size={size},n={images},classes={CLASSES}")
    training, minival = images_on_device(data, device)
    plain = replace(proxy(options.epochs, BATCH_SIZE), crop_area=options.crop_area)
    recipes = _recipes(plain, options.stages, options.start, size)
    architecture = WIDE if options.wide else NETWORK
    outcomes: dict[str, list[Outcome]] = {name: [] for name in recipes}
    for seed in range(options.seeds):
        for name, recipe in recipes.items():
            outcome = _outcome(architecture, recipe, training, minival, seed)
            outcomes[name].append(outcome)
            print(f"{name}, seed {seed}: {_summary([outcome])}", flush=True)
    _print_summary(outcomes)


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


def _outcome(
    architecture: Architecture, recipe: Recipe, training: Images, minival: Images, seed: int
) -> Outcome:
    torch.manual_seed(seed)
    network = Network(architecture, CLASSES, survival=1.0)
    network = to_channels_last(network, training.device)
    one = replace(minival, pixels=minival.pixels[:1], labels=minival.labels[:1])
    run = Training(network, training, one, recipe, seed)
    start = _clock(training.device)
    for _ in run.epochs():
        pass
    time_s = _clock(training.device) - start
    return Outcome(accuracy(run.ema, minival), time_s)


def _clock(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def _print_summary(outcomes: dict[str, list[Outcome]]) -> None:
    fixed = mean(outcome.time_s for outcome in outcomes["fixed"])
    for name, of_seeds in outcomes.items():
        share = mean(outcome.time_s for outcome in of_seeds) / fixed
        print(
            f"{name} (n = {len(of_seeds)} seeds): {_summary(of_seeds)}, "
            f"{share:.2f} of the time at fixed size"
        )


def _summary(outcomes: Sequence[Outcome]) -> str:
    reached = [100 * outcome.accuracy for outcome in outcomes]
    spread = f" ± {stdev(reached):.1f}" if len(reached) > 1 else ""
    return f"{mean(reached):.1f}{spread} %, {mean(o.time_s for o in outcomes):.0f} s"


if __name__ == "__main__":
    main()
