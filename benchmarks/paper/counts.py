"""Rows that only count: parameters and multiply-adds at the published image sizes."""

from __future__ import annotations

import argparse

from benchmarks.paper.measuring import Sized, count_words, plain
from benchmarks.paper.row import PaperRow
from scaling.compound import Multipliers, grow
from search_space.published import EFFICIENTNET_B0, published
from search_space.transforms import to_nearest_8_guarded

B_NETWORKS = tuple(f"efficientnet-b{i}" for i in range(8))
_B0_SIZE = 224

# EfficientNet, Table 7: what scales, and by how much.
ONE_DIMENSION = {
    "B0": Multipliers(1.0, 1.0, 1.0),
    "depth x 4": Multipliers(1.0, 4.0, 1.0),
    "width x 2": Multipliers(2.0, 1.0, 1.0),
    "resolution x 2": Multipliers(1.0, 1.0, 2.0),
    "compound": Multipliers(1.2, 1.4, 1.3),
}


def of_published(name: str) -> Sized:
    """Return a published network at its published sizes."""
    network = published(name)
    build = plain(network.architecture)
    return Sized(name, build, network.train_size, network.eval_size)


def _no_options(parser: argparse.ArgumentParser) -> None:
    """Add none: a count has nothing to choose."""


def _print_counts(networks: list[Sized]) -> None:
    for network in networks:
        print(f"{network.name} at {network.eval_size} px: {count_words(network)}")


def _table1(options: argparse.Namespace) -> None:
    _print_counts([of_published("efficientnet-b6")])


def _v1_table2(options: argparse.Namespace) -> None:
    _print_counts([of_published(name) for name in B_NETWORKS])


def _v1_table7(options: argparse.Namespace) -> None:
    _print_counts([_scaled(name, by) for name, by in ONE_DIMENSION.items()])


def _scaled(name: str, by: Multipliers) -> Sized:
    size = round(_B0_SIZE * by.resolution)
    return Sized(name, plain(grow(EFFICIENTNET_B0, by, to_nearest_8_guarded)), size, size)


ROWS = (
    PaperRow(
        "table1",
        "EfficientNet-B6 has few parameters and multiply-adds for its accuracy",
        ("EfficientNet-B6 84.6 %, 43 M, 19 G; ResNet-RS-420 192 M, 64 G; NFNet-F1 133 M, 36 G",),
        _no_options,
        _table1,
    ),
    PaperRow(
        "v1-table2",
        "EfficientNet-B0 to B7 by parameters and multiply-adds (1905.11946, Table 2)",
        (
            "B0 5.3 M, 0.39 G; B1 7.8 M, 0.70 G; B2 9.2 M, 1.0 G; B3 12 M, 1.8 G",
            "B4 19 M, 4.2 G; B5 30 M, 9.9 G; B6 43 M, 19 G; B7 66 M, 37 G",
        ),
        _no_options,
        _v1_table2,
    ),
    PaperRow(
        "v1-table7",
        "one dimension scaled against all three (1905.11946, Table 7 and Figure 3)",
        (
            "B0 77.3 %, 0.4 G; depth 79.0 %, width 78.9 %, both 1.8 G; "
            "resolution 79.1 %, 1.9 G; compound 81.1 %, 1.8 G",
        ),
        _no_options,
        _v1_table7,
    ),
)
