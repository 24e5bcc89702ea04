"""Options that several rows have, and how they are read."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

from nas.architectures import find_architecture
from nas.imports import import_named
from search_space.architecture import Architecture, own_network
from search_space.named import is_reference

Value = TypeVar("Value")

SHARE_ON_CPU = 0.25
"""The share of the published image sizes that a CPU measures at, unless told otherwise."""


def listed(of: Callable[[str], Value]) -> Callable[[str], tuple[Value, ...]]:
    """Return a type of argparse for several values with commas between them."""

    def read(text: str) -> tuple[Value, ...]:
        return tuple(of(part) for part in text.split(","))

    read.__name__ = "list"
    return read


def add_training_options(parser: argparse.ArgumentParser, epochs: int, data: str) -> None:
    """Add the options of rows that train."""
    parser.add_argument("--data", default=data, help="as of nas search")
    parser.add_argument("--epochs", type=int, default=epochs)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--flip", action="store_true", help="mirror half of the images")
    parser.add_argument("--out", type=Path, help="directory of the results, to go on from")


def add_share_option(parser: argparse.ArgumentParser) -> None:
    """Add the option of rows that measure published networks at a share of their sizes."""
    parser.add_argument(
        "--size-share",
        type=float,
        help=f"of the published image sizes; 1 on a GPU, {SHARE_ON_CPU:g} on a CPU by default",
    )


def size_share(options: argparse.Namespace, device: torch.device) -> float:
    """Return ``--size-share``, or its default for the device."""
    if options.size_share is not None:
        return float(options.size_share)
    return 1.0 if device.type == "cuda" else SHARE_ON_CPU


def network_of_name(text: str, option: str = "--networks") -> Architecture:
    """Return the network of an ARCH, or of a function of any library, as ``nas train`` takes them.

    Raises:
        UserError: the text, which ``option`` got, is neither.
    """
    if not is_reference(text):
        return find_architecture(text, option).architecture
    import_named(text, option)
    return own_network(text)
