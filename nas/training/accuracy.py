"""How often a network is right."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nas.data.images import Images
from nas.training.distributed import World
from reward.device import mixed_precision


@torch.inference_mode()
def accuracy(
    network: nn.Module, images: Images, batch_size: int = 256, world: World | None = None
) -> float:
    """The share of the images of which the network puts first a label that they have, in [0, 1].

    Several processes take a share of the images each, and all get the accuracy on all of them.
    """
    network.eval()
    world = world or World()
    correct = torch.zeros((), dtype=torch.int64, device=images.device)
    own = torch.arange(world.rank, len(images), world.size)
    for batch, labels in images.batches(own, batch_size):
        batch = batch.contiguous(memory_format=torch.channels_last)
        with mixed_precision(batch.device):
            logits: Tensor = network(batch)
        first = logits.argmax(1)
        if labels.ndim == 1:
            correct += (first == labels).sum()
        else:
            correct += (labels.gather(1, first[:, None]) > 0).sum()
    return int(world.sum(correct)) / len(images)
