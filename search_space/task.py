"""The task of a network: its number of classes and of image channels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """A classification task, by default ImageNet's.

    It determines the network's classifier and stem, and so its parameters and multiply-adds.
    """

    classes: int = 1000
    in_channels: int = 3


IMAGENET = Task()
