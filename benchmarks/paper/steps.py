"""Rows that time training steps: image size (Table 2) and Fused-MBConv (Table 3)."""

from __future__ import annotations

import argparse
from dataclasses import replace

from benchmarks.paper.counts import of_published
from benchmarks.paper.measuring import Sized, count_words, machine, plain, step_words, steps
from benchmarks.paper.options import add_share_option, listed, size_share
from benchmarks.paper.row import PaperRow
from nas.devices import training_device
from search_space.published import published
from search_space.transforms import fuse

_FUSED = {"none": None, "1-3": (1, 3), "1-5": (1, 5), "1-7": (1, 7)}


def _step_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--batch-size", type=int, default=4, help="images a step")
    parser.add_argument("--time-cap", type=float, default=60.0, help="seconds of timing a network")
    add_share_option(parser)


def _table2_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--arch", default="efficientnet-b6", help="a published network")
    parser.add_argument("--sizes", type=listed(int), default=(512, 380), help="pixels")
    parser.add_argument("--larger-batch", type=int, default=4, help="times --batch-size")
    _step_options(parser)


def _table2(options: argparse.Namespace) -> None:
    share = size_share(options, training_device())
    network = of_published(options.arch)
    sized = [
        replace(network, name=f"{size} px", train_size=size).at(share) for size in options.sizes
    ]
    print(f"{machine(share)}; {options.arch}, batches of {options.batch_size}")
    for one, step in steps(sized, options.batch_size, options.time_cap):
        print(f"{one.name} (here {one.train_size}): {step_words(step)}", flush=True)
    batch_size = options.batch_size * options.larger_batch
    for one, step in steps(sized[-1:], batch_size, options.time_cap):
        print(f"{one.name}, batches of {batch_size}: {step_words(step)}; x is to itself")


def _table3_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--arch", default="efficientnet-b4", help="a published network")
    _step_options(parser)


def _table3(options: argparse.Namespace) -> None:
    share = size_share(options, training_device())
    network, architecture = of_published(options.arch), published(options.arch).architecture
    variants: list[Sized] = []
    for name, stages in _FUSED.items():
        fused = fuse(architecture, *stages) if stages else architecture
        variants.append(replace(network, name=f"fused {name}", build=plain(fused)))
    print(f"{machine(share)}; {options.arch}, batches of {options.batch_size}")
    sized = [variant.at(share) for variant in variants]
    timed = steps(sized, options.batch_size, options.time_cap)
    for variant, (_, step) in zip(variants, timed, strict=True):
        print(f"{variant.name}: {count_words(variant)}; {step_words(step)}", flush=True)


ROWS = (
    PaperRow(
        "table2",
        "smaller training images make steps faster",
        (
            "EfficientNet-B6, images/s a core: TPUv3 512 px 42, 380 px 76 (x 1.8), larger batch 93 "
            "(x 2.2)",
            "V100 512 px 29, 380 px 37 (x 1.3), larger batch 52 (x 1.8)",
        ),
        _table2_options,
        _table2,
    ),
    PaperRow(
        "table3",
        "Fused-MBConv is faster in the early stages",
        (
            "EfficientNet-B4 19.3 M, 4.5 G; 1-3 20.0 M, 7.5 G; 1-5 43.4 M, 21.3 G; 1-7 132.0 M, "
            "34.4 G",
            "rate on a V100: 1-3 x 1.39, 1-5 x 1.44, 1-7 x 1.33; TPUv3 x 1.38, 1.25, 0.97",
        ),
        _table3_options,
        _table3,
    ),
)
