"""Count the operators of augmentation, and time it, for every preset.

python -m benchmarks.augmentation [--before FILE] [--rounds 21]

Operators are those that compute (views do not), of one call of ``augmented`` on a batch. Time is
process time on one thread. FILE is an earlier version of nas/training/augmentation.py, which is
then timed in turn with today's:

git show 72686ee:nas/training/augmentation.py > before.py; pip install kornia==0.9.0
"""

from __future__ import annotations

import argparse
import importlib.util
import inspect
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from benchmarks.cpu_protocol import follow
from nas.data.images import Images
from nas.training import augmentation
from nas.training.progressive import Resizing
from nas.training.recipes import PRESETS, Recipe, TrainingStage, epoch_stages
from scaling.regularization import Progressive
from tests.nas.training.augmented import Operators

SIZES = ((8, 128), (32, 128), (64, 64), (128, 32), (224, 16), (300, 16))  # pixels, images
CLASSES, IMAGENET = 1000, 1_281_167

Augment = Callable[[Images, Recipe, TrainingStage], tuple[Tensor, Tensor]]


def main() -> None:
    """Print a row for each recipe, size, and version."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--before", type=Path, help="an earlier nas/training/augmentation.py")
    parser.add_argument("--rounds", type=int, default=21)
    options = parser.parse_args()
    follow("benchmarks.augmentation")
    versions = {"now": _call(augmentation)}
    if options.before:
        versions["before"] = _call(_loaded(options.before))
    for name, recipe, size, count in _tasks():
        images = _images(size, count)
        stage = epoch_stages(recipe, IMAGENET, size, seed=0)[-1]
        operators, times_s = _measured(versions, images, recipe, stage, options.rounds)
        print(f"{name}, {count} images of {size} px:", end=" ")
        print(", ".join(f"{v} {operators[v]} operators" for v in versions), end="; ")
        print(", ".join(f"{v} {1000 * median(times_s[v]):.2f} ms" for v in versions), end="")
        if options.before:
            pairs = zip(times_s["now"], times_s["before"], strict=True)
            ratios = sorted(now / before for now, before in pairs)
            low, high = ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]
            print(f"; now : before {median(ratios):.2f} ({low:.2f} to {high:.2f})", end="")
        print(flush=True)


def _tasks() -> Iterator[tuple[str, Recipe, int, int]]:
    """Yield the name of a recipe, the recipe, the image size, and the number of images."""
    ranges = {
        "S": ((5.0, 15.0), (0.0, 0.0)),
        "M": ((5.0, 20.0), (0.0, 0.2)),
        "L": ((5.0, 25.0), (0.0, 0.5)),
    }
    for size, count in SIZES:
        recipes = {name: preset(IMAGENET, 4, None) for name, preset in PRESETS.items()}
        for member, (magnitudes, alphas) in ranges.items():
            resizing = Resizing(Progressive((size // 2, size), magnitudes, alphas, (0.1, 0.5)))
            recipes[f"progressive {member}"] = replace(recipes["imagenet"], resizing=resizing)
        for name, recipe in recipes.items():
            yield name, recipe, size, count


def _images(size: int, count: int) -> Images:
    generator = torch.Generator().manual_seed(0)
    shape = (count, 3, size, size)
    pixels = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
    one = torch.ones(1, 3, 1, 1)
    return Images(pixels, torch.arange(count), 120 * one, 60 * one, CLASSES)


def _loaded(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("augmentation_before", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _call(module: Any) -> Augment:
    extra = (
        [torch.Generator()] if "generator" in inspect.signature(module.augmented).parameters else []
    )

    def call(images: Images, recipe: Recipe, stage: TrainingStage) -> tuple[Tensor, Tensor]:
        result: tuple[Tensor, Tensor] = module.augmented(
            images.pixels, images.labels, images, recipe, stage, *extra
        )
        return result

    return call


def _measured(
    versions: dict[str, Augment], images: Images, recipe: Recipe, stage: TrainingStage, rounds: int
) -> tuple[dict[str, int], dict[str, list[float]]]:
    """Return the operators of a batch, and the times of its calls in turn, of each version."""
    operators = {}
    times_s: dict[str, list[float]] = {name: [] for name in versions}
    for name, augment in versions.items():
        augment(images, recipe, stage)  # prepares what is kept
        with Operators() as counter:
            augment(images, recipe, stage)
        operators[name] = counter.count
    for _ in range(rounds):
        for name, augment in versions.items():
            start = time.process_time()
            augment(images, recipe, stage)
            times_s[name].append(time.process_time() - start)
    return operators, times_s


if __name__ == "__main__":
    main()
