"""The processes that train one network together."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class World:
    """``size`` processes, of which this is number ``rank`` from 0.

    With more than one, ``torch.distributed`` is up, and the network is wrapped in
    ``DistributedDataParallel``, which averages the gradients.
    """

    rank: int = 0
    size: int = 1

    def share(self, order: Tensor, batch_size: int) -> tuple[Tensor, int]:
        """This process's positions out of ``order`` (N,), and how many of them make its batch.

        Every process takes the same number of every batch; what is left over is nobody's.
        """
        own = batch_size // self.size
        if own < 1:
            raise ValueError(f"batch size: got {batch_size} for {self.size} processes")
        batches = order[: len(order) // batch_size * batch_size].view(-1, batch_size)
        return batches[:, : own * self.size][:, self.rank :: self.size].flatten(), own

    def mean(self, value: Tensor) -> Tensor:
        """The mean over the processes, of a tensor that is changed."""
        return self.sum(value) / self.size

    def sum(self, value: Tensor) -> Tensor:
        """The sum over the processes, of a tensor that is changed."""
        if self.size > 1:
            distributed.all_reduce(value)
        return value

    def least(self, value: Tensor) -> Tensor:
        """The smallest over the processes, of a tensor that is changed."""
        if self.size > 1:
            distributed.all_reduce(value, distributed.ReduceOp.MIN)
        return value

    def agree(self, network: nn.Module) -> None:
        """Gives all processes the first one's buffers, such as batch normalisation's statistics."""
        if self.size > 1:
            for buffer in network.buffers():
                distributed.broadcast(buffer, 0)


def unwrapped(network: nn.Module) -> nn.Module:
    """The network itself, without what spreads it over processes."""
    if isinstance(network, DistributedDataParallel):
        module: nn.Module = network.module
        return module
    return network


def set_seed(seed: int, epoch: int, rank: int) -> None:
    """Seeds torch's global generators for an epoch, differently in every process.

    So an epoch's dropout and augmentation follow from its number, and a training that goes on from
    a checkpoint needs no generators of each process and each device.
    """
    mixed = torch.Generator().manual_seed(((seed * 1_000_003 + epoch) * 1_009 + rank) % 2**63)
    torch.manual_seed(int(torch.randint(2**62, (), generator=mixed)))
