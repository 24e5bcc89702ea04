"""A space and images so small that a candidate takes a moment."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from search_space.architecture import Architecture, Stage
from search_space.choices import StageChoices
from search_space.space import Space

TINY_BACKBONE = Architecture(
    stages=(Stage("mbconv", 3, 1, 1, 4, 1, 0.25), Stage("mbconv", 3, 2, 2, 8, 1, 0.25)),
    stem_channels=4,
    stem_stride=2,
    head_channels=16,
)


def tiny() -> Space:
    """Return a space of two stages and 144 architectures."""
    choices = StageChoices(("mbconv", "fused_mbconv"), (1, 2), (3,), (1, 2, 4))
    return Space("tiny", TINY_BACKBONE, (choices, choices))


def write_tiny_images(path: Path) -> None:
    """Write eighty images of 8 px in four classes by brightness, as a file for ``--data``."""
    generator = np.random.default_rng(0)
    labels = np.arange(80) % 4
    noise = generator.normal(0, 25, (80, 8, 8))
    images = np.clip(60 * labels[:, None, None] + 30 + noise, 0, 255).astype(np.uint8)
    np.savez(path, images=images, labels=labels)
