"""What a network is for: how many classes, and images of how many channels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """ImageNet's, unless said otherwise. Decides the classifier and the stem, so the counts too."""

    classes: int = 1000
    in_channels: int = 3


IMAGENET = Task()
