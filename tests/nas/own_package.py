"""A package of a user's own with one thing of each kind, as files."""

from __future__ import annotations

from pathlib import Path

NAME = "lab"

FILES = {
    "pyproject.toml": """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "lab"
version = "1"
[tool.setuptools]
packages = ["lab"]
""",
    "lab/__init__.py": "",
    "lab/everything.py": "from lab import blocks, data, metrics, recipes, rewards, spaces\n",
    "lab/blocks.py": '''
from torch import nn


def plain(block):
    """Build one convolution with batch normalisation and SiLU."""
    convolution = nn.Conv2d(
        block.in_channels, block.out_channels, block.kernel, block.stride, block.kernel // 2
    )
    return nn.Sequential(convolution, nn.BatchNorm2d(block.out_channels), nn.SiLU())
''',
    "lab/data.py": '''
import numpy as np

import nas


def images():
    """Return images that are bright in the quarter that their class names."""
    labels = np.arange(240) % 4
    images = np.random.default_rng(0).integers(0, 60, (240, 8, 8), dtype=np.uint8)
    for image, label in zip(images, labels):
        row, column = divmod(int(label), 2)
        image[4 * row : 4 * row + 4, 4 * column : 4 * column + 4] += 90
    split = slice(None, 200), slice(200, None)
    train, test = ((images[part], labels[part]) for part in split)
    return nas.Data(train, test=test, class_names=["nw", "ne", "sw", "se"])
''',
    "lab/metrics.py": '''
def right(logits, labels):
    """Return the share of images whose class has the largest logit."""
    return (logits.argmax(1) == labels).float().mean().item()
''',
    "lab/recipes.py": '''
from dataclasses import replace

from nas.training.recipes import proxy_preset


def gentle(images, epochs, batch_size):
    """Return the search's recipe with half its learning rate, for two epochs."""
    recipe = proxy_preset(images, epochs or 2, batch_size)
    return replace(recipe, learning_rate=recipe.learning_rate / 2)
''',
    "lab/rewards.py": '''
def quick(accuracy, step_time, parameters):
    """Return the accuracy less a tenth of the step time, relative to the backbone's."""
    return accuracy - 0.1 * step_time
''',
    "lab/spaces.py": '''
import nas
from search_space.choices import StageChoices


def tiny(image_size):
    """Return a space of two stages."""
    stages = (nas.Stage("mbconv", 3, 1, 1, 8, 1), nas.Stage("mbconv", 3, 2, 2, 16, 1))
    backbone = nas.Architecture(stages, stem_channels=8, stem_stride=1, head_channels=32)
    choices = StageChoices(("mbconv", "lab.blocks:plain"), (1, 2), (3, 5), (1, 2))
    return nas.Space("tiny", backbone, (choices, choices), {"mbconv": 0.0})
''',
}


def write_package(folder: Path) -> Path:
    """Write the files below a folder, and return it."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder
