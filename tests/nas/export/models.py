"""Networks with realistic weights, without a training."""

from __future__ import annotations

import torch

from nas.export.weights_file import with_random_weights
from nas.weights import Model
from results.architecture_file import ArchitectureFile
from search_space.published import published


def published_model(name: str, image_size: int = 64) -> Model:
    """Return a published network for small images, with estimated batch statistics."""
    file = ArchitectureFile(name, published(name).architecture, image_size, image_size)
    return with_random_weights(file, 0)


def images(model: Model, count: int = 2) -> torch.Tensor:
    """Return normalised images (N, C, H, W) of the model's size."""
    size = model.file.eval_size
    generator = torch.Generator().manual_seed(5)
    return torch.randn(count, model.file.task.in_channels, size, size, generator=generator)
