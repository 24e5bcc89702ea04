"""Networks with realistic weights, without a training."""

from __future__ import annotations

import torch

from nas.export.weights_file import with_random_weights
from nas.weights import Model
from results.architecture_file import ArchitectureFile
from search_space.architecture import Architecture, Stage
from search_space.published import published
from search_space.task import Task


def published_model(name: str, image_size: int = 64) -> Model:
    """Return a published network for small images, with estimated batch statistics."""
    file = ArchitectureFile(name, published(name).architecture, image_size, image_size)
    return with_random_weights(file, 0)


def every_operator() -> ArchitectureFile:
    """Return a network of every operator and every activation, for images of 3 x 32 x 32."""
    network = Architecture(
        (
            Stage("convnext", 7, 2, 4, 8, 2, 0.25, "gelu"),
            Stage("bottleneck", 3, 2, 4, 16, 2, 0.25, "relu"),
            Stage("mbconv_k7", 3, 1, 4, 16, 2, 0.0, "hardswish"),
            Stage("fused_mbconv", 3, 1, 4, 16, 1, 0.25, "relu6"),
            Stage("mbconv", 3, 1, 1, 16, 1, 0.25, "mish"),
        ),
        stem_channels=8,
        head_channels=32,
    )
    return ArchitectureFile("every", network, 32, 32, Task(7, 3), 0, 0)


def images(model: Model, count: int = 2) -> torch.Tensor:
    """Return normalised images (N, C, H, W) of the model's size."""
    size = model.file.eval_size
    generator = torch.Generator().manual_seed(5)
    return torch.randn(count, model.file.task.in_channels, size, size, generator=generator)
