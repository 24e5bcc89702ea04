"""What warm averages change: accuracy after each epoch, with them and with constant momenta.

``python -m benchmarks.averages`` trains networks of ``small`` as a search does, each twice with one
seed: with EMA and batch statistics that warm up (nas/training/ema.py), and with the constant
momenta that were used before, min(0.1, max(published, 10 / steps)). It prints the mean accuracy
after each epoch, the paired difference at the end, and Spearman's correlation of the accuracy after
each epoch with that at the end, by which a pruner decides.
"""

from __future__ import annotations

import argparse
import os
import random
from collections.abc import Callable
from dataclasses import replace
from statistics import mean, stdev
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from benchmarks.cpu_protocol import follow
from nas.data.images import Images, images_on_device
from nas.data.load import load_search_data
from nas.training.ema import NORM_MOMENTUM
from nas.training.loop import Training, total_steps
from nas.training.recipes import Recipe, proxy, proxy_batch_size
from reward.step_time.clocks import device_name, to_channels_last
from search_space.architecture import Architecture
from search_space.network import Network
from search_space.spaces import small

CPU = torch.device("cpu")


def main() -> None:
    """Print both means by epoch, the difference at the end, and the correlations."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default="digits", help="as for nas search")
    parser.add_argument("--image-size", type=int, metavar="N")
    parser.add_argument(
        "--images",
        type=int,
        metavar="N",
        help="train on N images and validate on N others of the training set (default: all)",
    )
    parser.add_argument("--networks", type=int, default=20, metavar="N")
    parser.add_argument("--epochs", type=int, default=10, metavar="N")
    options = parser.parse_args()
    follow("benchmarks.averages")
    data = load_search_data(options.data, options.image_size)
    if options.images:
        count = options.images
        data = replace(
            data,
            training=data.training.take(np.arange(count)),
            minival=data.training.take(np.arange(count, 2 * count)),
            statistics=None,
        )
    training, minival = images_on_device(data, CPU)
    recipe = proxy(options.epochs, proxy_batch_size(len(training)))
    print(
        f"{device_name(CPU)}, {os.cpu_count()} cores, torch {torch.__version__}; {data.name}: "
        f"{len(training)} images to train on, {len(minival)} to validate"
    )
    space, generator = small(data.image_size), random.Random(7)
    steps = total_steps(training, recipe)
    constant, warm = [], []
    for seed in range(options.networks):
        architecture = space.sample(generator)
        with patch("nas.training.ema.warm_momentum", _constant_momentum(steps)):
            constant.append(_curve(architecture, seed, training, minival, recipe, data.classes))
        warm.append(_curve(architecture, seed, training, minival, recipe, data.classes))
        print(f"network {seed}: {constant[-1][-1]:.3f} and {warm[-1][-1]:.3f}", flush=True)
    differences = [new[-1] - old[-1] for new, old in zip(warm, constant, strict=True)]
    _print_curves("constant", np.array(constant))
    _print_curves("warm", np.array(warm))
    print(
        f"warm - constant at the end: {100 * mean(differences):+.2f} points, sd "
        f"{100 * stdev(differences):.2f}, n = {len(differences)} networks"
    )


def _constant_momentum(steps: int) -> Callable[[float, int], float]:
    return lambda momentum, _: min(0.1, max(momentum, 10 / steps))


def _curve(
    architecture: Architecture,
    seed: int,
    training: Images,
    minival: Images,
    recipe: Recipe,
    classes: int,
) -> list[float]:
    torch.manual_seed(seed)
    network = Network(
        architecture,
        classes,
        in_channels=training.pixels.shape[1],
        dropout=recipe.dropout,
        survival=recipe.survival,
        norm_momentum=NORM_MOMENTUM,
    )
    trained = Training(to_channels_last(network, CPU), training, minival, recipe, seed)
    return [epoch.accuracy for epoch in trained.epochs()]


def _print_curves(name: str, curves: NDArray[np.float64]) -> None:
    accuracies = " ".join(f"{100 * value:5.1f}" for value in curves.mean(0))
    correlations = pd.DataFrame(curves).corr(method="spearman").iloc[:, -1]
    ranks = " ".join(f"{value:5.2f}" for value in correlations)
    print(f"{name:8} accuracy, %   {accuracies}")
    print(f"{name:8} rank with end {ranks}")


if __name__ == "__main__":
    main()
