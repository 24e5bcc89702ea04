"""Train a network as one of several processes.

Arguments: RANK, SIZE, the file in which the processes meet, and the file for the result.
"""

from __future__ import annotations

import math
import sys
from dataclasses import replace

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from nas.errors import MetricError
from nas.metrics.metric_function import MetricFunction
from nas.metrics.registry import find_metric
from nas.training.distributed import World
from nas.training.loop import Training
from nas.training.recipes import proxy
from nas.training.validation import validate
from reward.metric import describe_metric
from tests.nas.training.networks import blobs, without_norm

RECIPE = replace(proxy(epochs=2, batch_size=16), crop_padding=0.0)


class Counting(nn.Module):
    """Keeps a statistic of its images in a buffer, as batch normalisation does."""

    seen: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.body = without_norm()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.seen += x.mean()
        logits: torch.Tensor = self.body(x)
        return logits


def metrics(network: nn.Module, rank: int, size: int) -> dict[str, object]:
    """Return metrics, and their noise, on images of which each process has a part."""

    def without_value(logits: torch.Tensor, labels: torch.Tensor) -> float:
        return math.nan

    images, world = blobs(31, seed=1), World(rank, size)
    validated = [
        validate(network, images, find_metric(name), world=world, with_noise=True)
        for name in ("accuracy", "macro_f1", "auroc")
    ]
    try:
        own = MetricFunction(describe_metric("own:without_value"), without_value)
        validate(network, images, own, world=world)
        is_refused = False
    except MetricError:
        is_refused = True
    return {
        "values": [each.value for each in validated],
        "effective_images": [each.effective_images for each in validated],
        "is_refused": is_refused,
    }


def main() -> None:
    """Save the losses and accuracies of the epochs, the weights, and the EMA."""
    rank, size = int(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    network: nn.Module = Counting()
    if size > 1:
        where = f"file://{sys.argv[3]}"
        distributed.init_process_group("gloo", init_method=where, rank=rank, world_size=size)
        network = DistributedDataParallel(network)
    recipe = replace(RECIPE, micro_batch=4)  # of 16, or of a share of 8
    training = Training(network, blobs(70), blobs(31, seed=1), recipe, 3, world=World(rank, size))
    epochs = [(epoch.loss, epoch.accuracy, epoch.images) for epoch in training.epochs()]
    state = training.state_dict()
    found = {**{k: state[k] for k in ("network", "average")}, **metrics(training.ema, rank, size)}
    torch.save({"epochs": epochs, **found}, sys.argv[4])
    if size > 1:
        distributed.destroy_process_group()


if __name__ == "__main__":
    main()
