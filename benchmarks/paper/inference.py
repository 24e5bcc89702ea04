"""Rows that compare networks by size, training rate and latency: Tables 7 and 11, Figure 5."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from benchmarks.paper.counts import of_published
from benchmarks.paper.measuring import (
    LATENCY_RUNS,
    Sized,
    count_words,
    latency_s,
    machine,
    plain,
    step_words,
    steps,
)
from benchmarks.paper.options import add_share_option, listed, network_of_name, size_share
from benchmarks.paper.row import PaperRow
from nas.devices import training_device
from nas.errors import UserError
from nas.full_training.own_network import IMAGE_SIZE
from reward.step_time.measurement import median_s
from search_space.named import short_name
from search_space.published import PUBLISHED

_IMAGES, _EPOCHS = 1_281_167, 350  # of ImageNet, and of the paper's recipe
_SMALL = (
    "efficientnet-b1",
    "efficientnetv2-b0",
    "efficientnet-b2",
    "efficientnetv2-b1",
    "efficientnet-b4",
    "efficientnetv2-b3",
    "efficientnet-b5",
    "efficientnetv2-s",
)
_LARGE = ("efficientnet-b4", "efficientnet-b7", "efficientnetv2-s", "efficientnetv2-m")


def _add_options(parser: argparse.ArgumentParser, networks: Sequence[str]) -> None:
    parser.add_argument(
        "--networks",
        type=listed(str),
        default=tuple(networks),
        help="published names, or functions such as torchvision.models:resnet50",
    )
    parser.add_argument("--batch-size", type=int, default=16, help="of the inference")
    parser.add_argument("--train-batch", type=int, default=4, help="images a training step")
    parser.add_argument("--time-cap", type=float, default=30.0, help="seconds of timing a network")
    add_share_option(parser)


def _large_options(parser: argparse.ArgumentParser) -> None:
    _add_options(parser, _LARGE)


def _small_options(parser: argparse.ArgumentParser) -> None:
    _add_options(parser, _SMALL)


def _compare(options: argparse.Namespace) -> None:
    share = size_share(options, training_device())
    networks = [_sized(name) for name in options.networks]
    print(
        f"{machine(share)}; training in batches of {options.train_batch}, latency of 1 and "
        f"{options.batch_size} images, median of n = {LATENCY_RUNS}"
    )
    timed = steps([one.at(share) for one in networks], options.train_batch, options.time_cap)
    for network, (here, step) in zip(networks, timed, strict=True):
        hours = median_s(step) / step.batch_size * _IMAGES * _EPOCHS / 3600
        of_one, of_batch = (1000 * latency_s(here, n) for n in (1, options.batch_size))
        print(
            f"{network.name} ({network.train_size}, {network.eval_size} px; here "
            f"{here.train_size}, {here.eval_size}): {count_words(network)}; {step_words(step)}, "
            f"{hours:,.0f} hours of training; latency {of_one:.3g} ms, "
            f"{of_batch:.4g} ms for {options.batch_size}, "
            f"{1000 * options.batch_size / of_batch:.4g} images/s",
            flush=True,
        )


def _sized(name: str) -> Sized:
    if name in PUBLISHED:
        return of_published(name)
    architecture = network_of_name(name)
    if architecture.network is None:
        raise UserError(
            f"--networks: got {name!r}, must be a published name or a function such as "
            "torchvision.models:resnet50"
        )
    return Sized(short_name(name), plain(architecture), IMAGE_SIZE, IMAGE_SIZE)


_TABLE7 = (
    "parameters, multiply-adds, latency of 16 images (V100, fp16), training on 32 TPU cores:",
    "B4 82.9 %, 19 M, 4.2 G, 30 ms, 21 h; B7 84.7 %, 66 M, 38 G, 170 ms, 139 h",
    "V2-S 83.9 %, 22 M, 8.8 G, 24 ms, 7.1 h; V2-M 85.1 %, 54 M, 24 G, 57 ms, 13 h",
    "V2-L 85.7 %, 120 M, 53 G, 98 ms, 24 h; training times with progressive learning",
)

ROWS = (
    PaperRow(
        "table7",
        "networks by parameters, multiply-adds, training time and latency (and Figure 5)",
        _TABLE7,
        _large_options,
        _compare,
    ),
    PaperRow(
        "table11",
        "small networks, V1 against V2, by images a second",
        (
            "images/s at inference (V100, fp16, batches of 128): B1 79.0 % 2,675, V2-B0 78.7 % "
            "5,739; B2 79.8 % 2,003, V2-B1 79.8 % 3,983",
            "B4 82.9 % 628, V2-B3 82.1 % 1,693; B5 83.7 % 291, V2-S 83.6 % 901: x 2.1, 2.0, 2.7, "
            "3.1",
        ),
        _small_options,
        _compare,
    ),
)
